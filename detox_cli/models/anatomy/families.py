"""The table of families: the only place that knows names and axes. A test proves each on a tiny model."""

import math

from detox_cli.models.anatomy.family import CONV1D, FUSED, FUSED_TRANSPOSED, Config, Family, Site

GLU = ("gate_proj", "up_proj")
FUSED_GLU = ("gate_up_proj", "gate_up_proj")

ATTENTION = Site("self_attn.o_proj", "attention")
MLP = Site("mlp.down_proj", "mlp", keys=GLU)


def _experts(holder: str, down: str = "down_proj", keys: tuple[str, ...] = GLU) -> tuple[Site, ...]:
    """Experts as one tensor each, as most checkpoints have them, and fused, as in memory."""
    return (
        Site(f"{holder}.experts.*.{down}", "expert", keys=keys),
        Site(f"{holder}.experts.down_proj", "expert", FUSED, keys=FUSED_GLU, parameter=True),
    )


def _shared(holder: str) -> Site:
    return Site(f"mlp.{holder}.down_proj", "shared_expert", keys=GLU)


def _after(site: Site, *gains: str) -> Site:
    return Site(site.name, site.kind, site.layout, gains, site.keys, site.parameter)


def _gemma_scale(config: Config) -> float:
    return math.sqrt(config["hidden_size"])


def _embedding_multiplier(config: Config) -> float:
    return float(config.get("embedding_multiplier", 1.0))


def _residual_is_normed(config: Config) -> str | None:
    if config.get("apply_residual_connection_post_layernorm"):
        return "its residual connection starts after the norm, so there is no stream that writers add to"
    return None


def _opt_limits(config: Config) -> str | None:
    if config.get("do_layer_norm_before") is False:
        return "it normalises the residual stream itself after every layer"
    if config.get("word_embed_proj_dim", config.get("hidden_size")) != config.get("hidden_size"):
        return "its embedding is projected to the width of the stream"
    return None


LLAMA = Family((ATTENTION, MLP))
PLAIN_MLP = Family((ATTENTION, Site("mlp.down_proj", "mlp", keys=("up_proj",))))
FUSED_MLP = Family((ATTENTION, Site("mlp.down_proj", "mlp", keys=FUSED_GLU)))
POST_NORM = Family(
    (_after(ATTENTION, "post_attention_layernorm"), _after(MLP, "post_feedforward_layernorm")),
)
GEMMA = LLAMA.but(tied=True, scale=_gemma_scale)
GEMMA2 = POST_NORM.but(gain_offset=1.0, tied=True, scale=_gemma_scale)
GLM4 = Family(
    (
        _after(ATTENTION, "post_self_attn_layernorm"),
        Site("mlp.down_proj", "mlp", gains=("post_mlp_layernorm",), keys=FUSED_GLU),
    )
)
MOE = Family((ATTENTION, MLP, *_experts("mlp"), _shared("shared_expert"), _shared("shared_experts")))
LINEAR_ATTENTION = MOE.but(sites=(*MOE.sites, Site("linear_attn.out_proj", "mixer")))
MIXTRAL = Family(
    (ATTENTION, *_experts("block_sparse_moe", "w2", ("w1", "w3")), *_experts("mlp", "w2", ("w1", "w3"))),
)
GRANITE_MOE = Family(
    (
        ATTENTION,
        Site("block_sparse_moe.output_linear", "expert", FUSED, keys=("input_linear", "input_linear")),
        Site("block_sparse_moe.experts.down_proj", "expert", FUSED, keys=FUSED_GLU, parameter=True),
        Site("shared_mlp.output_linear", "shared_expert", keys=("input_linear", "input_linear")),
    ),
    scale=_embedding_multiplier,
)
GPT_OSS = Family(
    (
        ATTENTION,
        Site("mlp.experts.down_proj", "expert", FUSED_TRANSPOSED, keys=FUSED_GLU, parameter=True),
    )
)
LLAMA4 = Family(
    (
        ATTENTION,
        Site("feed_forward.down_proj", "mlp", keys=GLU),
        Site("feed_forward.experts.down_proj", "expert", FUSED_TRANSPOSED, keys=FUSED_GLU, parameter=True),
        Site("feed_forward.shared_expert.down_proj", "shared_expert", keys=GLU),
    )
)
GEMMA4 = Family(
    (
        _after(ATTENTION, "post_attention_layernorm"),
        _after(MLP, "post_feedforward_layernorm", "?post_feedforward_layernorm_1"),
        Site(
            "experts.down_proj",
            "expert",
            FUSED,
            gains=("post_feedforward_layernorm", "post_feedforward_layernorm_2"),
            keys=FUSED_GLU,
            parameter=True,
        ),
        Site("per_layer_projection", "side_input", gains=("post_per_layer_input_norm",)),
    ),
    tied=True,
    scale=_gemma_scale,
    aside=("embed_tokens_per_layer.weight", "per_layer_model_projection.weight"),
)
JAMBA = Family(
    (
        ATTENTION,
        Site("mamba.out_proj", "mixer"),
        Site("feed_forward.down_proj", "mlp", keys=GLU),
        *_experts("feed_forward"),
    ),
    norm="final_layernorm",
)
LFM2 = Family(
    (
        Site("self_attn.out_proj", "attention"),
        Site("conv.out_proj", "mixer"),
        Site("feed_forward.w2", "mlp", keys=("w1", "w3")),
        *_experts("feed_forward", "w2", ("w1", "w3")),
    ),
    norm="embedding_norm",
    tied=True,
)
NEMOTRON_H = Family(
    (
        Site("mixer.out_proj", "mixer"),
        Site("mixer.o_proj", "attention"),
        Site("mixer.down_proj", "mlp", keys=("up_proj",)),
        Site("mixer.experts.*.down_proj", "expert", keys=("up_proj",)),
        Site("mixer.experts.down_proj", "expert", FUSED, keys=("up_proj",), parameter=True),
        Site("mixer.shared_experts.down_proj", "shared_expert", keys=("up_proj",)),
    ),
    embedding="embeddings",
    norm="norm_f",
    one_per_block=True,
)
GPT2 = Family(
    (Site("attn.c_proj", "attention", CONV1D), Site("mlp.c_proj", "mlp", CONV1D, keys=("c_fc",))),
    blocks="h",
    embedding="wte",
    positions="wpe",
    norm="ln_f",
    tied=True,
)
GPT_BIGCODE = GPT2.but(sites=(Site("attn.c_proj", "attention"), Site("mlp.c_proj", "mlp", keys=("c_fc",))))
GPT_NEO = GPT2.but(
    sites=(Site("attn.attention.out_proj", "attention"), Site("mlp.c_proj", "mlp", keys=("c_fc",)))
)
GPT_J = GPT2.but(
    sites=(Site("attn.out_proj", "attention"), Site("mlp.fc_out", "mlp", keys=("fc_in",))),
    positions=None,
    tied=False,
)
BLOOM = Family(
    (
        Site("self_attention.dense", "attention"),
        Site("mlp.dense_4h_to_h", "mlp", keys=("dense_h_to_4h",)),
    ),
    blocks="h",
    embedding="word_embeddings",
    embedding_norm="word_embeddings_layernorm",
    norm="ln_f",
    tied=True,
    refuse=_residual_is_normed,
)
FALCON = BLOOM.but(embedding_norm=None)
GPT_NEOX = Family(
    (Site("attention.dense", "attention"), Site("mlp.dense_4h_to_h", "mlp", keys=("dense_h_to_4h",))),
    embedding="embed_in",
    norm="final_layer_norm",
    heads=("embed_out.weight", "lm_head.weight"),
)
OPT = Family(
    (Site("self_attn.out_proj", "attention"), Site("fc2", "mlp", keys=("fc1",))),
    positions="embed_positions",
    norm="final_layer_norm",
    tied=True,
    refuse=_opt_limits,
)
MPT = Family(
    (Site("attn.out_proj", "attention"), Site("ffn.down_proj", "mlp", keys=("up_proj",))),
    blocks="blocks",
    embedding="wte",
    norm="norm_f",
    tied=True,
)
PHI = Family(
    (Site("self_attn.dense", "attention"), Site("mlp.fc2", "mlp", keys=("fc1",))), norm="final_layernorm"
)
STARCODER2 = Family((ATTENTION, Site("mlp.c_proj", "mlp", keys=("c_fc",))), tied=True)
MAMBA = Family(
    (Site("mixer.out_proj", "mixer"),), embedding="embeddings", norm="norm_f", one_per_block=True, tied=True
)

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        ("llama", "mistral", "ministral3", "qwen2", "qwen3", "olmo", "stablelm", "helium"), LLAMA
    ),
    **dict.fromkeys(("seed_oss", "hunyuan_v1_dense"), LLAMA),
    **dict.fromkeys(("smollm3", "cohere", "cohere2", "ernie4_5"), LLAMA.but(tied=True)),
    "granite": LLAMA.but(scale=_embedding_multiplier),
    **dict.fromkeys(("nemotron", "arcee", "apertus"), PLAIN_MLP),
    **dict.fromkeys(("phi3", "glm"), FUSED_MLP),
    "granitemoehybrid": GRANITE_MOE.but(sites=(*GRANITE_MOE.sites, Site("mamba.out_proj", "mixer"))),
    "jamba": JAMBA,
    "falcon_h1": JAMBA.but(scale=_embedding_multiplier),
    **dict.fromkeys(("lfm2", "lfm2_moe"), LFM2),
    "nemotron_h": NEMOTRON_H,
    "gemma": GEMMA,
    "gemma4_text": GEMMA4,
    **dict.fromkeys(("gemma2", "gemma3_text"), GEMMA2),
    **dict.fromkeys(("olmo2", "olmo3", "exaone4"), POST_NORM),
    "glm4": GLM4,
    **dict.fromkeys(
        ("qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3", "glm4_moe", "dots1"), MOE
    ),
    **dict.fromkeys(("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"), LINEAR_ATTENTION),
    **dict.fromkeys(("mixtral", "phimoe"), MIXTRAL),
    **dict.fromkeys(("granitemoe", "granitemoeshared"), GRANITE_MOE),
    "gpt_oss": GPT_OSS,
    "llama4_text": LLAMA4,
    "gpt2": GPT2,
    "gpt_bigcode": GPT_BIGCODE,
    "gpt_neo": GPT_NEO,
    **dict.fromkeys(("gptj", "codegen"), GPT_J),
    "gpt_neox": GPT_NEOX,
    "bloom": BLOOM,
    "falcon": FALCON,
    "opt": OPT,
    "mpt": MPT,
    "phi": PHI,
    "starcoder2": STARCODER2,
    **dict.fromkeys(("mamba", "falcon_mamba"), MAMBA),
    "mamba2": MAMBA.but(tied=False),
}
"""Model type of a configuration -> its family."""
