"""Tiny random models of many families, each with everything that its family can write to the stream."""

from typing import Any

WIDTH = 64
MODERN = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 96,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
OLD = {"n_embd": WIDTH, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": 96}
MOE = {
    **MODERN,
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 24,
}
ROUTED = {
    **MODERN,
    "moe_intermediate_size": 16,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
}
LATENT = {
    **ROUTED,
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "head_dim": 8,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}
STATE = {"hidden_size": WIDTH, "num_hidden_layers": 2, "vocab_size": 96, "state_size": 4}
STATE_MIXER = {"mamba_n_heads": 4, "mamba_d_head": 32, "mamba_d_state": 4, "mamba_n_groups": 1}
CONVOLUTION = {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}
BIASED = {"attention_bias": True, "mlp_bias": True}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {**MODERN, **BIASED},
    **dict.fromkeys(("mistral", "ministral3", "qwen2", "qwen3", "olmo", "helium", "seed_oss"), MODERN),
    **dict.fromkeys(("smollm3", "cohere", "cohere2", "ernie4_5", "hunyuan_v1_dense", "nemotron"), MODERN),
    **dict.fromkeys(("arcee", "apertus", "phi3", "glm", "glm4", "gemma", "gemma2", "gemma3_text"), MODERN),
    **dict.fromkeys(("olmo2", "olmo3", "exaone4", "phi", "starcoder2"), MODERN),
    "stablelm": {**MODERN, "use_parallel_residual": True},
    "granite": {**MODERN, **BIASED, "embedding_multiplier": 3.0, "residual_multiplier": 0.3},
    **dict.fromkeys(("qwen2_moe", "qwen3_moe", "olmoe", "mixtral", "phimoe", "gpt_oss", "granitemoe"), MOE),
    "granitemoeshared": {**MOE, "shared_intermediate_size": 24},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    **dict.fromkeys(("glm4_moe", "dots1"), ROUTED),
    "llama4_text": {**MOE, "intermediate_size_mlp": 48, "interleave_moe_layer_step": 2},
    "qwen3_next": {**MOE, **LINEAR},
    "qwen3_5_text": {**MODERN, **LINEAR},
    "qwen3_5_moe_text": {**MOE, **LINEAR},
    "gemma4_text": {
        **MOE,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 96,
        "enable_moe_block": True,
        "top_k_experts": 2,
        "global_head_dim": 16,
    },
    "jamba": {
        **MOE,
        **{
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
        },
        **{"mamba_d_state": 4, "mamba_dt_rank": 4, "use_mamba_kernels": False},
    },
    "falcon_h1": {**MODERN, **STATE_MIXER, "mamba_d_ssm": 128, "embedding_multiplier": 3.0},
    "granitemoehybrid": {
        **MOE,
        **STATE_MIXER,
        "shared_intermediate_size": 24,
        "layer_types": ["mamba", "attention"],
    },
    "lfm2": {**MODERN, **CONVOLUTION},
    "lfm2_moe": {**MOE, **CONVOLUTION, "num_dense_layers": 1},
    "nemotron_h": {
        **ROUTED,
        **{"mamba_num_heads": 4, "mamba_head_dim": 16, "n_groups": 1, "ssm_state_size": 4, "n_group": 1},
        "layers_block_type": ["mamba", "moe", "attention"],
        "moe_shared_expert_intermediate_size": 24,
    },
    "gpt2": OLD,
    "gpt_bigcode": OLD,
    "gptj": {**OLD, "rotary_dim": 4},
    "codegen": {**OLD, "rotary_dim": 4},
    "gpt_neo": {
        "hidden_size": WIDTH,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "vocab_size": 96,
        "max_position_embeddings": 64,
    },
    "gpt_neox": MODERN,
    "bloom": {"hidden_size": WIDTH, "n_layer": 2, "n_head": 4, "vocab_size": 96},
    "falcon": {
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 96,
        "bias": True,
    },
    "opt": {**MODERN, "ffn_dim": 48, "word_embed_proj_dim": WIDTH},
    "mpt": {"d_model": WIDTH, "n_layers": 2, "n_heads": 4, "vocab_size": 96, "max_seq_len": 64},
    "mamba": STATE,
    "falcon_mamba": STATE,
    "mamba2": {**STATE, "num_heads": 4, "head_dim": 32, "n_groups": 1},
}


def tiny_model(family: str, seed: int = 0, **changes: Any):
    """A random model of a family in evaluation mode; its norms and biases are random too, so they count."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(family, **{**ARCHITECTURES[family], **changes})
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 and ("norm" in name or "ln_" in name or name.endswith("bias")):
                parameter += 0.3 * torch.randn_like(parameter)
            elif name.endswith("down_proj_bias"):
                parameter.copy_(0.3 * torch.randn_like(parameter))
    return model
