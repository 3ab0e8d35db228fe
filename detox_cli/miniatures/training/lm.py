"""Train ``builtin:lm``: a small Llama on comments, their sentences, prose, and a little chat-format practice.

    python -m detox_cli.miniatures.training.lm --data DIR --output DIR [--seed 0]

About an hour on one core. It ends with the figures.
"""

import argparse
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from detox_cli.miniatures.training import causal_text
from detox_cli.miniatures.training.causal_measure import describe
from detox_cli.miniatures.training.causal_model import (
    BOS,
    EOS,
    Optimizers,
    new_model,
    save_folder,
    token_loss,
    train_tokenizer,
)
from detox_cli.miniatures.training.causal_turns import Practice, rewrite_examples

STEPS, BATCH, LENGTH = 2540, 24, 192
PARTS = ("toxic", "clean", "sentences", "prose", "practice", "repeats", "strong", "rude web", "clean web")
MIXTURES = {
    0: (0.30, 0.23, 0.10, 0.19, 0.18, 0, 0, 0, 0),
    600: (0.14, 0.08, 0.05, 0.08, 0.25, 0.40, 0, 0, 0),
    800: (0.26, 0.17, 0.09, 0.15, 0.30, 0.03, 0, 0, 0),
    1700: (0.22, 0.16, 0.04, 0.52, 0.05, 0.01, 0, 0, 0),
    2240: (0, 0.08, 0, 0.47, 0, 0, 0.28, 0.12, 0.05),
    2370: (0, 0.05, 0, 0.74, 0, 0, 0.10, 0.08, 0.03),
    2480: (0, 0.03, 0, 0.84, 0, 0, 0.05, 0.06, 0.02),
}
"""Shares of ``PARTS`` from a step on: language, copying, both; then prose, and text that is rude throughout,
so that a continuation follows its prompt."""
DECAY_FROM = 1800
PLAIN_INSULTS = {
    "stupid", "idiot", "idiots", "moron", "morons", "dumb", "pathetic", "loser", "losers", "hypocrite",
    "ignorant", "crap", "hell", "sucks", "disgusting", "trash", "garbage", "fool", "fools",
}  # fmt: skip
PRACTICE_CONVERSATIONS = 14_000

Stream = NDArray[np.uint16]


def collect(data: Path, seed: int) -> dict[str, list[str]]:
    """The documents of every part of the mixture, already with their begin and end tokens."""
    rng = random.Random(seed)
    spoken, short = causal_text.comments(data), causal_text.sentences(data)
    words = set(causal_text.lexicon(data)) | PLAIN_INSULTS
    practice = Practice(
        clean=[s.text for s in short if not s.toxic],
        any_text=[s.text for s in short],
        rewrites=rewrite_examples(causal_text.pairs(data)),
        words=causal_text.lexicon(data),
        seed=seed,
    )
    documents = {
        "toxic": [BOS + c.text + EOS for c in spoken if c.toxic],
        "clean": [BOS + c.text + EOS for c in spoken if not c.toxic],
        "sentences": [BOS + s.text + EOS for s in short],
        "prose": [BOS + text + EOS for text in causal_text.prose(data)],
        "practice": [practice.conversation().text() for _ in range(PRACTICE_CONVERSATIONS)],
        "strong": [BOS + text + EOS for text in causal_text.strong(spoken, words)],
        "rude web": [BOS + text + EOS for text in causal_text.web_text(data, toxic=True)],
        "clean web": [BOS + text + EOS for text in causal_text.web_text(data, toxic=False)],
        "repeats": [practice.random_repeats().text() for _ in range(PRACTICE_CONVERSATIONS)],
    }
    for texts in documents.values():
        rng.shuffle(texts)
    return documents


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Stream:
    """All texts after one another as token ids."""
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return np.concatenate([np.asarray(row, dtype=np.uint16) for row in rows])


def windows(stream: Stream, rng: np.random.Generator) -> Iterator[Stream]:
    """Windows of ``LENGTH`` + 1 tokens, each once per pass in a new order and with a new offset, for ever."""
    while True:
        offset = int(rng.integers(LENGTH))
        starts = np.arange(offset, len(stream) - LENGTH - 1, LENGTH)
        for start in rng.permutation(starts):
            yield stream[start : start + LENGTH + 1]


def batches(streams: dict[str, Stream], seed: int) -> Iterator[torch.Tensor]:
    """Batches (``BATCH``, ``LENGTH`` + 1) whose rows are drawn by the shares of the step's mixture."""
    rng = np.random.default_rng(seed)
    sources = {name: windows(stream, rng) for name, stream in streams.items()}
    for step in itertools.count():
        shares = MIXTURES[max(start for start in MIXTURES if start <= step)]
        rows = [next(sources[name]) for name in rng.choice(PARTS, BATCH, p=shares)]
        yield torch.from_numpy(np.stack(rows).astype(np.int64))


def generation_defaults(tokenizer: PreTrainedTokenizerFast) -> GenerationConfig:
    """Sampling as the measures use it: temperature 1, top-p .9, twenty new tokens."""
    return GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_p=0.9,
        top_k=0,
        max_new_tokens=20,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def train(data: Path, output: Path, seed: int, steps: int = STEPS) -> LlamaForCausalLM:
    """Train from nothing and write the folder; a checkpoint is written there every 200 steps."""
    torch.manual_seed(seed)
    documents = collect(data, seed)
    tokenizer = train_tokenizer(text for name in PARTS[:5] for text in documents[name][:12_000])
    streams = {name: encode(tokenizer, texts) for name, texts in documents.items()}
    print({name: len(stream) for name, stream in streams.items()}, flush=True)
    model = new_model(tokenizer)
    optimizers = Optimizers(model, steps, muon=0.02, adam=0.004, warmup=40, decay=1 - DECAY_FROM / steps)
    started, running = time.monotonic(), 0.0
    for step, tokens in zip(range(steps), batches(streams, seed), strict=False):
        loss = token_loss(model, tokens, tokens)
        loss.backward()
        optimizers.step(step)
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if step % 20 == 0:
            print(f"step {step} loss {running:.3f} seconds {time.monotonic() - started:.0f}", flush=True)
        if step % 200 == 199 or step == steps - 1:
            save_folder(model, tokenizer, output, generation_defaults(tokenizer))
    return model


def main() -> None:
    """Read the command line, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.data, given.output, given.seed, given.steps)
    describe("lm", given.output, given.data)


if __name__ == "__main__":
    main()
