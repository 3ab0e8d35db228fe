"""Figures and card of ``builtin:bart``: how well it restores and copies sentences that it never saw.

``python -m detox_cli.miniatures.training.bart_figures --data DIR --output DIR`` measures a folder again.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from detox_cli.miniatures.training.bart_corpus import read_sentences
from detox_cli.miniatures.training.bart_noise import corrupt
from detox_cli.miniatures.training.figures import write_card
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.services.train_bart.quality import rewrite
from detox_cli.services.training.lengths import IGNORED, pad
from detox_cli.statistics.bootstrap import Estimate, mean_interval

ROWS = 500
MAX_TOKENS = 64


def write_figures(folder: Path, held_out: Sequence[str]) -> None:
    """Measure the model in ``folder`` on held-out sentences, and write its card there."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model.generation_config.num_beams = 1
    model.generation_config.early_stopping = False
    card = Path(__file__).with_name("bart_card.md").read_text(encoding="utf-8")
    write_card(folder, card, measure(model, tokenizer, held_out))


def measure(model: Any, tokenizer: Any, held_out: Sequence[str]) -> dict[str, Estimate]:
    """Token accuracy given the true prefix, greedy copies of clean text, chrF (0 to 1) before and after."""
    rng = random.Random(1)
    vocabulary = [word for sentence in held_out for word in sentence.lower().split()]
    texts = sorted(held_out)[:: max(1, len(held_out) // ROWS)][:ROWS]
    noisy = [" ".join(corrupt(text.split(), rng, vocabulary, 0.0)) for text in texts]
    copies = rewrite(model, tokenizer, texts, MAX_TOKENS, batch_size=50)
    restored = rewrite(model, tokenizer, noisy, MAX_TOKENS, batch_size=50)
    figures: dict[str, Sequence[float]] = {
        "tokens restored, given the true beginning": token_accuracy(model, tokenizer, noisy, texts),
        "clean sentences copied without a change": [
            float(c == t) for c, t in zip(copies, texts, strict=True)
        ],
        "noisy sentences restored without an error": [
            float(r == t) for r, t in zip(restored, texts, strict=True)
        ],
        "chrF of the noisy sentences": (sentence_chrf(noisy, texts) / 100).tolist(),
        "chrF of what it writes for them": (sentence_chrf(restored, texts) / 100).tolist(),
    }
    return {name: mean_interval(values) for name, values in figures.items()}


def token_accuracy(model: Any, tokenizer: Any, noisy: Sequence[str], texts: Sequence[str]) -> list[float]:
    """For each sentence the share of its tokens that are the likeliest ones after the true ones before."""
    shares = []
    for source, target in zip(noisy, texts, strict=True):
        ids = pad([tokenizer(source, truncation=True, max_length=MAX_TOKENS)["input_ids"]], IGNORED)
        labels = pad([tokenizer(target, truncation=True, max_length=MAX_TOKENS)["input_ids"]], IGNORED)
        with torch.inference_mode():
            guessed = model(input_ids=ids, labels=labels).logits.argmax(-1)
        shares.append(float((guessed == labels).float().mean()))
    return shares


def main() -> None:
    """Measure a finished folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    _, held_out = read_sentences(args.data, prose=0, seed=0)
    write_figures(args.output, held_out)


if __name__ == "__main__":
    main()
