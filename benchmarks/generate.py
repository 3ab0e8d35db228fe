"""Tokens per CPU second: the engine against a plain script around ``model.generate``.

Two jobs with the same number of new tokens for every row: rewriting behind a 10-shot prompt (one sample),
and 25 continuations per prompt. The plain script is what people write: left padding, prompts in the order
of the file, the whole prompt for every row, ``num_return_sequences`` for the samples. Both get the same
model, prompts, sampling and rows per batch.

    python benchmarks/generate.py [--model FOLDER] [--rows 16] [--repeats 3]

With ``DETOX_DATA`` the prompts are real sentences, else generated ones of similar length.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from detox_cli.errors import Missing
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.sources import find_model

NEW_TOKENS = 20
SAMPLING = Sampling(max_new_tokens=NEW_TOKENS, temperature=1.0, top_p=0.9)
BUNDLED = {"10-shot": "builtin:chat", "n=25": "builtin:lm"}
BARS = {"10-shot": 4.0, "n=25": 3.0}
WORDS = (
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "it",
    "you",
    "that",
    "was",
    "for",
    "on",
    "they",
    "be",
    "at",
    "this",
)


def sentences(count: int, seed: int) -> list[str]:
    """Toxic sentences of ParaDetox if there is data, else nonsense of 5 to 20 words."""
    path = Path(os.environ.get("DETOX_DATA", "../shared/data")) / "paradetox" / "paradetox.tsv"
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        return [line.split("\t")[0] for line in random.Random(seed).sample(lines, count)]
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(5, 20))) for _ in range(count)]


def beginnings(count: int) -> list[str]:
    """Prompts of RealToxicityPrompts if there is data, else the first halves of `sentences`."""
    path = Path(os.environ.get("DETOX_DATA", "../shared/data")) / "rtp" / "prompts.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row["prompt"]["text"] for row in random.Random(0).sample(rows, count)]
    return [" ".join(text.split()[: len(text.split()) // 2 + 1]) for text in sentences(count, 3)]


def few_shot_prompts(count: int) -> list[str]:
    """An instruction, ten examples and a sentence to rewrite, the last one different in every row."""
    shots, texts = sentences(10, 1), sentences(count, 2)
    head = "Rewrite the text so that it is polite and keeps its meaning.\n\n"
    head += "".join(f"Toxic text: {shot}\nNeutral text: {shot}\n\n" for shot in shots)
    return [f"{head}Toxic text: {text}\nNeutral text:" for text in texts]


def random_model(folder: Path) -> str:
    """A random Llama of the bundled models' shape, its logits as peaked as those of a trained one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=6000, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(sentences(4000, 4), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4, "num_attention_heads": 8}
    config = LlamaConfig(**shape, num_key_value_heads=4, vocab_size=6000, eos_token_id=1, bos_token_id=0)
    model = LlamaForCausalLM(config)
    model.lm_head.weight.data *= 8
    model.save_pretrained(folder)
    return str(folder)


def load(name: str | None, bundled: str, folder: Path) -> TransformersEngine:
    """The model that was named, else the bundled one, else a random one; it may not end a row early."""
    try:
        source = find_model(name or bundled)
    except Missing:
        if name is not None:
            raise
        source = find_model(random_model(folder))
    engine = load_engine(source, device="cpu")
    engine.model.generation_config.min_new_tokens = NEW_TOKENS
    return engine


def plain_script(engine: TransformersEngine, prompts: Sequence[str], samples: int, batch: int) -> int:
    """The honest common script. Returns the number of new tokens."""
    tokenizer, model, written = engine.tokenizer, engine.model, 0
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    torch.manual_seed(0)
    for first in range(0, len(prompts), batch):
        inputs = tokenizer(list(prompts[first : first + batch]), return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            output = model.generate(
                **inputs,
                do_sample=True,
                temperature=SAMPLING.temperature,
                top_p=SAMPLING.top_p,
                top_k=0,
                num_return_sequences=samples,
                max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS,
                pad_token_id=tokenizer.pad_token_id,
            )
        new = output[:, inputs.input_ids.shape[1] :]
        tokenizer.batch_decode(new, skip_special_tokens=True)
        written += new.numel()
    return written


def our_engine(engine: TransformersEngine, prompts: Sequence[str], samples: int) -> int:
    """The same work for the engine. Returns the number of new tokens."""
    requests = [Request(str(i), text, seed=i, samples=samples) for i, text in enumerate(prompts)]
    answers = engine.generate(requests, SAMPLING)
    return sum(sample.tokens for answer in answers for sample in answer.samples)


def per_cpu_second(work: Callable[[], int], wanted: int) -> float:
    """Tokens per second of processor time."""
    start = time.process_time()
    written = work()
    spent = time.process_time() - start
    if written != wanted:
        raise SystemExit(f"{written} tokens were written, {wanted} were wanted")
    return written / spent


def compare(
    name: str, engine: TransformersEngine, prompts: Sequence[str], samples: int, rows: int, repeats: int
) -> bool:
    """Print medians over ``repeats`` turns of both, and whether the bar is met."""
    wanted = len(prompts) * samples * NEW_TOKENS
    usual = engine.batch_rows
    plain, same, free = [], [], []
    for _ in range(repeats):
        plain.append(per_cpu_second(lambda: plain_script(engine, prompts, samples, rows), wanted))
        engine.batch_rows = rows * samples
        same.append(per_cpu_second(lambda: our_engine(engine, prompts, samples), wanted))
        engine.batch_rows = usual
        free.append(per_cpu_second(lambda: our_engine(engine, prompts, samples), wanted))
    ratio = statistics.median(a / b for a, b in zip(same, plain, strict=True))
    best = statistics.median(a / b for a, b in zip(free, plain, strict=True))
    base, ours = statistics.median(plain), statistics.median(same)
    print(
        f"{name:8} {engine.source.name}, {len(prompts)} prompts x {samples}, tokens per CPU second: "
        f"model.generate {base:.0f}, engine {ours:.0f} with {rows} prompts a batch: "
        f"{ratio:.1f}x (bar {BARS[name]:.0f}x); with its own batches {best:.1f}x",
        flush=True,
    )
    return ratio >= BARS[name]


def main() -> None:
    """Run both jobs; exit 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a decoder-only model; default: the bundled one, else a random one")
    parser.add_argument("--rows", type=int, default=16, help="prompts in a batch of both")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=64)
    options: Any = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with tempfile.TemporaryDirectory() as folder:
        met = []
        for name, prompts, samples in (
            ("10-shot", few_shot_prompts(options.prompts), 1),
            ("n=25", beginnings(options.prompts), 25),
        ):
            engine = load(options.model, BUNDLED[name], Path(folder))
            met.append(compare(name, engine, prompts, samples, options.rows, options.repeats))
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
