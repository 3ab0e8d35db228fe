"""Train ``builtin:bart``, a small denoising BART, on one CPU core.

``python -m detox_cli.miniatures.training.bart --data DIR --output DIR [--seed 0]``
"""

import argparse
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import BartConfig, BartForConditionalGeneration, BartTokenizerFast, GenerationConfig

from detox_cli.miniatures.training.bart_corpus import forum_style, read_sentences
from detox_cli.miniatures.training.bart_figures import write_figures
from detox_cli.miniatures.training.bart_noise import MASK, corrupt

MAX_TOKENS = 64
PROSE, VOCABULARY = 20_000, 5_000
WIDTH, FEED_FORWARD, LAYERS = 192, 512, (2, 2)
STEPS, BATCH_TOKENS, LEARNING_RATE, CLEAN_SHARE = 1789, 1536, 2e-3, 0.15
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", MASK]
START, PAD, END = 0, 1, 2


def build_tokenizer(sentences: Sequence[str], folder: Path, size: int) -> BartTokenizerFast:
    """Byte-level BPE with BART's five special tokens in BART's order of ids (mask included, id 4)."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(sentences, vocab_size=size, min_frequency=3, special_tokens=SPECIAL)
    bpe.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink()
    return BartTokenizerFast(
        vocab=vocabulary, merges=[tuple(m.split()) for m in merges], model_max_length=MAX_TOKENS
    )


def build_model(
    vocabulary: int, width: int, feed_forward: int, layers: tuple[int, int]
) -> BartForConditionalGeneration:
    """A BART whose first cross-attention starts near the identity, so that it copies from the start."""
    config = BartConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=layers[0],
        decoder_layers=layers[1],
        encoder_attention_heads=width // 48,
        decoder_attention_heads=width // 48,
        encoder_ffn_dim=feed_forward,
        decoder_ffn_dim=feed_forward,
        max_position_embeddings=MAX_TOKENS + 2,
        dropout=0.0,
        init_std=0.05,
        forced_bos_token_id=None,
    )
    model = BartForConditionalGeneration(config)
    encoder, decoder = model.model.encoder, model.model.decoder
    with torch.no_grad():
        decoder.embed_positions.weight.copy_(encoder.embed_positions.weight)
        cross = decoder.layers[0].encoder_attn
        identity = torch.eye(width)
        for projection, scale in (
            (cross.q_proj, 1.4),
            (cross.k_proj, 1.4),
            (cross.v_proj, 1.0),
            (cross.out_proj, 1.0),
        ):
            projection.weight.mul_(0.4).add_(scale * identity)
    return model


class WordEncoder:
    """Token ids of word lists; each distinct word is tokenised once."""

    def __init__(self, tokenizer: BartTokenizerFast) -> None:
        self._bpe = tokenizer
        self._known: dict[str, list[int]] = {MASK: [SPECIAL.index(MASK)]}

    def __call__(self, words: Sequence[str]) -> list[int]:
        """``<s> … </s>``; the first word has no leading space, a mask swallows the one before it."""
        ids = [START]
        for place, word in enumerate(words):
            key = word if place == 0 or word == MASK else f" {word}"
            if key not in self._known:
                self._known[key] = self._bpe.encode(key, add_special_tokens=False)
            ids += self._known[key]
        return [*ids[: MAX_TOKENS - 1], END]


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """(rows, longest) int64, filled with ``value`` on the right."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def batches(
    sentences: Sequence[str],
    encode: WordEncoder,
    words: Sequence[str],
    rng: random.Random,
    tokens: int,
    clean: float,
) -> Iterator[dict[str, torch.Tensor]]:
    """One pass in batches of about ``tokens`` target tokens, rows of similar length together."""
    order = list(range(len(sentences)))
    rng.shuffle(order)
    for first in range(0, len(order), 4096):
        pool = []
        for i in order[first : first + 4096]:
            text = forum_style(sentences[i]) if rng.random() < 0.5 else sentences[i]
            target = text.split()
            pool.append((encode(corrupt(target, rng, words, clean)), encode(target)))
        pool.sort(key=lambda pair: len(pair[1]) + 0.1 * len(pair[0]))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        for pair in pool:
            if groups[-1] and (len(groups[-1]) + 1) * len(pair[1]) > tokens:
                groups.append([])
            groups[-1].append(pair)
        rng.shuffle(groups)
        yield from (collate(group) for group in groups)


def collate(pairs: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    """Model inputs: padding masked out of the encoder and, as -100, out of the loss."""
    source = pad([s for s, _ in pairs], PAD)
    return {
        "input_ids": source,
        "attention_mask": (source != PAD).long(),
        "labels": pad([t for _, t in pairs], -100),
    }


def optimizers(model: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the weight matrices inside the layers, AdamW for embeddings, norms and biases."""
    matrices = [
        p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "shared" not in n
    ]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=rate * 10, weight_decay=0.0, adjust_lr_fn="original"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate_factor(done: float, step: int) -> float:
    """Warm-up over 100 steps, then constant, then linear to zero over the last 40 % of the run."""
    return min(1.0, step / 100) * min(1.0, max(0.0, (1 - done) / 0.4))


def save(model: BartForConditionalGeneration, tokenizer: BartTokenizerFast, folder: Path) -> None:
    """Half-precision safetensors with an explicit generation config."""
    state = {name: value.detach().half() for name, value in model.state_dict().items()}
    half = BartForConditionalGeneration(model.config).half()
    half.load_state_dict(state)
    half.generation_config = GenerationConfig(
        decoder_start_token_id=END, bos_token_id=START, pad_token_id=PAD, eos_token_id=END,
        forced_bos_token_id=START, num_beams=4, max_new_tokens=60, no_repeat_ngram_size=0,
        early_stopping=True,
    )  # fmt: skip
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train(data: Path, output: Path, seed: int, steps: int) -> None:
    """Train, save, measure and write the card."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    training, held_out = read_sentences(data, PROSE, seed)
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer([*training, *map(forum_style, training)], output, VOCABULARY)
    model = build_model(len(tokenizer), WIDTH, FEED_FORWARD, LAYERS)
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(training)} sentences, {len(held_out)} held out, {size:,} parameters", flush=True)
    words = [w for s in training for w in s.lower().split()]
    passes = (
        batch
        for _ in count()
        for batch in batches(training, WordEncoder(tokenizer), words, rng, BATCH_TOKENS, CLEAN_SHARE)
    )
    fit(model, islice(passes, steps), steps)
    save(model, tokenizer, output)
    write_figures(output, held_out)


def fit(model: BartForConditionalGeneration, stream: Iterable[dict[str, torch.Tensor]], steps: int) -> None:
    """One step for each of the ``steps`` batches, in bfloat16 where it can be; prints loss and time."""
    steppers = optimizers(model, LEARNING_RATE)
    peaks = [stepper.param_groups[0]["lr"] for stepper in steppers]
    started, average = time.monotonic(), 0.0
    model.train()
    for step, batch in enumerate(stream, start=1):
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper, peak in zip(steppers, peaks, strict=True):
            stepper.param_groups[0]["lr"] = peak * rate_factor(step / steps, step)
            stepper.step()
            stepper.zero_grad()
        average = loss.item() if step == 1 else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0 or step == steps:
            seconds = time.monotonic() - started
            print(f"step {step}/{steps} loss {average:.3f} {seconds:.0f} s", flush=True)


def main() -> None:
    """Read the command line, train, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args.data, args.output, args.seed, args.steps)


if __name__ == "__main__":
    main()
