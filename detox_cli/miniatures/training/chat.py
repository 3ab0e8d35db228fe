"""Train ``builtin:chat`` from ``builtin:lm``: first the skill to rewrite, then refusing the more toxic part.

    python -m detox_cli.miniatures.training.chat --data DIR --output DIR [--base DIR] [--seed 0]

About half an hour on one core. It ends with the figures.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import decoders
from torch import Tensor, nn
from transformers import AutoTokenizer, GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from detox_cli.miniatures.training import causal_text
from detox_cli.miniatures.training.causal_harmless import HarmlessRequests
from detox_cli.miniatures.training.causal_lessons import Lesson, Lessons
from detox_cli.miniatures.training.causal_measure import describe
from detox_cli.miniatures.training.causal_model import Optimizers, save_folder
from detox_cli.miniatures.training.causal_selection import worthwhile
from detox_cli.miniatures.training.causal_turns import CHAT_TEMPLATE, Practice, rewrite_examples

SKILL_STEPS, REFUSAL_STEPS = 800, 540
TOKENS_PER_STEP, LONGEST = 4608, 640
ANSWERED_SHARE = 0.34
"""The share of toxic training sentences, the mildest, that are rewritten rather than refused."""


class Row(NamedTuple):
    """A lesson as numbers: token ids, labels (-100 where not taught), exchange numbers, positions."""

    ids: list[int]
    labels: list[int]
    parts: list[int]
    positions: list[int]


def encode(lesson: Lesson, tokenizer: PreTrainedTokenizerFast) -> Row:
    """Tokenize piece by piece; in a lesson that is apart, positions restart after the beginning."""
    row = Row([], [], [], [])
    blocks = (lesson.beginning, *lesson.exchanges)
    flat = [(text, taught, part) for part, block in enumerate(blocks) for text, taught in block]
    encoded = tokenizer([text for text, _, _ in flat], add_special_tokens=False)["input_ids"]
    start = 0
    for (_, taught, part), ids in zip(flat, encoded, strict=True):
        if len(row.ids) + len(ids) > LONGEST:
            break
        if lesson.apart and part and part != row.parts[-1]:
            start = row.parts.count(0) - len(row.ids)
        row.positions.extend(len(row.ids) + start + i for i in range(len(ids)))
        row.ids.extend(ids)
        row.labels.extend(ids if taught else [-100] * len(ids))
        row.parts.extend([part if lesson.apart else 0] * len(ids))
    return row


def batches(lessons: Lessons, tokenizer: PreTrainedTokenizerFast, steps: int) -> Iterator[list[Row]]:
    """``steps`` batches of rows of like length, about ``TOKENS_PER_STEP`` tokens each with padding."""
    made = 0
    while True:
        rows = sorted((encode(lessons.lesson(), tokenizer) for _ in range(160)), key=lambda row: len(row.ids))
        groups: list[list[Row]] = [[]]
        for row in rows:
            if (len(groups[-1]) + 1) * len(row.ids) > TOKENS_PER_STEP:
                groups.append([])
            groups[-1].append(row)
        lessons.rng.shuffle(groups)
        for group in groups:
            yield group
            made += 1
            if made == steps:
                return


def _padded(values: list[list[int]], fill: int) -> Tensor:
    width = max(map(len, values))
    return torch.tensor([row + [fill] * (width - len(row)) for row in values])


def lesson_loss(model: LlamaForCausalLM, rows: list[Row]) -> Tensor:
    """Mean cross-entropy over the taught tokens; exchanges that are apart do not see one another."""
    ids, labels = _padded([r.ids for r in rows], 0), _padded([r.labels for r in rows], -100)
    parts, positions = _padded([r.parts for r in rows], 0), _padded([r.positions for r in rows], 0)
    seen = (parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])
    seen &= torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    taught = labels[:, 1:] != -100
    with torch.autocast("cpu", torch.bfloat16):
        states = model.model(ids, attention_mask=seen[:, None], position_ids=positions).last_hidden_state
        logits = model.lm_head(states[:, :-1][taught])
    return nn.functional.cross_entropy(logits.float(), labels[:, 1:][taught])


def chat_tokenizer(base: Path) -> PreTrainedTokenizerFast:
    """The base's tokenizer with the chat template; decoding drops the space before an answer's first word."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.backend_tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def generation_defaults(tokenizer: PreTrainedTokenizerFast) -> GenerationConfig:
    """Greedy answers of at most 64 tokens."""
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=64,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def phases(data: Path, seed: int) -> tuple[Lessons, Lessons]:
    """The skill phase and the refusal phase over the same examples."""
    short = causal_text.sentences(data)
    severity = causal_text.Severity([*short, *causal_text.comments(data)])
    examples = worthwhile(rewrite_examples(causal_text.pairs(data)))
    practice = Practice(
        clean=[s.text for s in short if not s.toxic],
        any_text=[s.text for s in short],
        rewrites=examples,
        words=causal_text.lexicon(data),
        seed=seed,
    )
    requests = HarmlessRequests(causal_text.prose(data)[:20_000], seed)
    ranked = sorted(severity(toxic) for toxic, _ in examples)
    limit = ranked[int(ANSWERED_SHARE * len(ranked))]
    print(f"{len(examples)} rewriting examples, refusing from severity {limit:.2f}", flush=True)
    return (
        Lessons(examples, practice, requests, seed),
        Lessons(examples, practice, requests, seed + 1, refused=lambda text: severity(text) >= limit),
    )


def train(data: Path, base: Path, output: Path, seed: int) -> None:
    """Tune the base model and write the folder; a checkpoint is written there every 100 steps."""
    torch.manual_seed(seed)
    tokenizer = chat_tokenizer(base)
    model = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
    skill, refusal = phases(data, seed)
    steps = SKILL_STEPS + REFUSAL_STEPS
    optimizers = Optimizers(model, steps, muon=0.01, adam=0.002, warmup=20, decay=0.6)
    started, step, running = time.monotonic(), 0, 0.0
    for lessons, count in ((skill, SKILL_STEPS), (refusal, REFUSAL_STEPS)):
        for rows in batches(lessons, tokenizer, count):
            loss = lesson_loss(model, rows)
            loss.backward()
            optimizers.step(step)
            running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
            if step % 20 == 0:
                print(f"step {step} loss {running:.3f} seconds {time.monotonic() - started:.0f}", flush=True)
            step += 1
            if step % 100 == 0 or step == steps:
                save_folder(model, tokenizer, output, generation_defaults(tokenizer))


def main() -> None:
    """Read the command line, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path(__file__).parents[1] / "lm")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.data, given.base, given.output, given.seed)
    describe("chat", given.output, given.data)


if __name__ == "__main__":
    main()
