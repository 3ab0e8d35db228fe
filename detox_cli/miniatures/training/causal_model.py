"""Tokenizer, architecture and optimiser that the two causal miniatures share."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 4096
BOS, EOS, PAD = "<|bos|>", "<|end|>", "<|pad|>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS = [PAD, BOS, EOS, SYSTEM, USER, ASSISTANT]
MAX_POSITIONS = 1024


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of ``VOCABULARY`` entries.

    Every segment starts as if after a space, so that a word has one identity at the start of a text, after a
    turn marker and inside a sentence: copying needs that.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, SPECIAL_TOKENS.index(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=MAX_POSITIONS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained Llama of about 2.4 million parameters, embeddings tied."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=3,
            max_position_embeddings=MAX_POSITIONS,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


class Optimizers:
    """Muon for the matrices inside the blocks, AdamW for embeddings and norms, one schedule for both.

    The learning rate rises linearly over ``warmup`` steps, stays, and falls linearly to zero over the last
    ``decay`` share of ``steps``.
    """

    def __init__(
        self, model: nn.Module, steps: int, *, muon: float, adam: float, warmup: int, decay: float
    ) -> None:
        inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
        chosen = {id(p) for p in inner}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.Muon(inner, lr=muon, weight_decay=0.0, momentum=0.95),
            torch.optim.AdamW(rest, lr=adam, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
        ]
        self.peaks = (muon, adam)
        self.steps, self.warmup, self.decay = steps, warmup, decay

    def factor(self, step: int) -> float:
        """The share of the peak learning rate at ``step`` (0-based)."""
        left = (self.steps - step) / max(1.0, self.decay * self.steps)
        return min(1.0, (step + 1) / max(1, self.warmup), left)

    def step(self, step: int) -> None:
        """Apply the gradients with the learning rate of this step, then clear them."""
        for part, peak in zip(self.parts, self.peaks, strict=True):
            part.param_groups[0]["lr"] = peak * self.factor(step)
            part.step()
            part.zero_grad(set_to_none=True)


def token_loss(model: nn.Module, tokens: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy in nats over labels that are not -100; both arguments: (batch, length)."""
    wanted = labels[:, 1:] != -100
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=tokens[:, :-1]).last_hidden_state  # type: ignore[operator]
        logits = model.lm_head(hidden[wanted])  # type: ignore[operator]
    return nn.functional.cross_entropy(logits.float(), labels[:, 1:][wanted])


def save_folder(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path, generation: GenerationConfig
) -> None:
    """Write the Hugging Face folder, weights in fp16 safetensors; the model itself stays as it is.

    The output matrix is the embedding (tied), so it is not written a second time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.half() for name, value in model.state_dict().items() if name != "lm_head.weight"}
    model.config.dtype = "float16"
    model.generation_config = generation
    model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = "float16"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def nats_of_texts(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: list[str], longest: int = 256
) -> tuple[list[float], list[int], list[int], list[int]]:
    """Per text, read alone and cut after ``longest`` tokens: its nats, tokens, words, bytes."""
    nats, tokens, words, size = [], [], [], []
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"][:longest]])
        logits = model(input_ids=ids[:, :-1]).logits
        nats.append(float(nn.functional.cross_entropy(logits[0].float(), ids[0, 1:], reduction="sum")))
        read = tokenizer.decode(ids[0, 1:]).strip()
        tokens.append(ids.shape[1] - 1)
        words.append(len(read.split()))
        size.append(len(read.encode()))
    return nats, tokens, words, size
