"""The two ways of asking that ``data_per_compute.py`` compares, and what each of them took."""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from detox_cli.data.writing import write_rows
from detox_cli.generation.load import load_engine
from detox_cli.generation.prompts import PROMPTS, Shot, ShotStyle, rewrite_conversation
from detox_cli.generation.requests import Request, Sampling, Turn
from detox_cli.generation.seeds import row_seed
from detox_cli.miniatures.training import causal_text
from detox_cli.miniatures.training.causal_measure import Judge, Writer, drawn, remove_refusal
from detox_cli.models.sources import find_model

SHOTS = 10
PUBLISHED = Sampling(max_new_tokens=64, temperature=0.8, top_p=0.9, top_k=50)
FORMS: dict[str, tuple[int, ShotStyle]] = {
    "paper0": (0, "turns"),
    "paper10": (SHOTS, "turns"),
    "paper10inline": (SHOTS, "inline"),
}
Row = dict[str, Any]


def published(args: argparse.Namespace, form: str, size: int) -> None:
    """The answers of the published recipe and what they took, unless they are there."""
    target = args.output / f"{form}-{size}.jsonl"
    if not target.exists():
        words = [sys.argv[0], "--data", args.data, "--output", args.output, "--annotator", args.annotator]
        seconds, _ = timed([*map(str, words), "--ask", f"{form}:{size}"], Path.cwd())
        rows = read(target)
        note = {
            "calls": len(rows),
            "prompt_tokens": sum(row["prompt_tokens"] for row in rows),
            "new_tokens": sum(row["tokens"] for row in rows),
            "cpu_seconds": seconds,
        }
        (args.output / f"{form}-{size}.cost.json").write_text(json.dumps(note))


def ask_as_published(folder: Path, annotator: str, form: str, size: str) -> None:
    """One call for each human version of each sentence, prompt and sampling as published, nothing cleaned."""
    torch.set_num_threads(1)
    calls = published_calls(folder, form, size)
    requests = [Request(name, conversation, row_seed(0, name)) for name, _, conversation in calls]
    engine = load_engine(find_model(annotator), device="cpu", batch_tokens=8192)
    found = {one.id: one for one in engine.generate(requests, PUBLISHED)}
    rows = [
        {
            "id": name,
            "source": row["id"],
            "toxic": row["toxic"],
            "neutral": found[name].samples[0].text,
            "finish_reason": found[name].samples[0].finish_reason,
            "prompt_tokens": found[name].prompt_tokens,
            "tokens": found[name].samples[0].tokens,
        }
        for name, row, _ in calls
    ]
    write_rows(folder / f"{form}-{size}.jsonl", rows)


def published_calls(folder: Path, form: str, size: str) -> list[tuple[str, Row, tuple[Turn, ...]]]:
    """For each call a name, the row of its sentence, and the conversation."""
    count, style = FORMS[form]
    shots = read_shots(folder)[:count]
    return [
        (f"{row['id']}-{place}", row, rewrite_conversation(row["toxic"], shots, style))
        for row in read(folder / f"sources{size}.jsonl")
        for place in range(len(row["references"]))
    ]


def read_shots(folder: Path) -> list[Shot]:
    return [Shot(row["toxic"], row["references"][0], row["id"]) for row in read(folder / "shots.jsonl")]


def time_the_published_loop(folder: Path, annotator: str, size: str = "240", calls: int = 96) -> None:
    """CPU seconds of ``model.generate`` as the published code calls it: eight full prompts as they come."""
    torch.set_num_threads(1)
    source = find_model(annotator)
    tokenizer = AutoTokenizer.from_pretrained(source.location, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(source.location, dtype=torch.float32).eval()
    sampling = {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 50, "max_new_tokens": 64}
    for form in ("paper0", "paper10"):
        asked = [conversation for _, _, conversation in published_calls(folder, form, size)[:calls]]
        chats = [[{"role": turn.role, "content": turn.text} for turn in one] for one in asked]
        texts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        began = time.process_time()
        for start in range(0, calls, 8):
            inputs = tokenizer(texts[start : start + 8], return_tensors="pt", padding=True)
            inputs.pop("token_type_ids", None)
            with torch.inference_mode():
                model.generate(**inputs, **sampling, pad_token_id=tokenizer.pad_token_id)
        spent = (time.process_time() - began) / calls
        print(f"{form}: the published loop takes {1000 * spent:.1f} CPU ms for a call", flush=True)


def without_refusals(data: Path, folder: Path) -> Path:
    """``builtin:chat`` without its refusal direction, as its card describes; made once."""
    target = folder / "annotator"
    if not target.exists():
        torch.set_num_threads(1)
        torch.manual_seed(0)
        writer = Writer(Path(find_model("builtin:chat").location))
        remove_refusal(writer, Judge(), drawn((pair.toxic for pair in causal_text.pairs(data)), 256))
        writer.model.save_pretrained(target)
        writer.tokenizer.save_pretrained(target)
    return target


def ours(args: argparse.Namespace, name: str, options: str, size: int) -> None:
    """The rows of ``synth pairs`` and what they took, unless they are there."""
    target = args.output / f"{name}-{size}.jsonl"
    if not target.exists():
        words = ["synth", "pairs", f"sources{size}.jsonl", "-o", target.name, *options.split()]
        words += ["--profile", "offline", "--model", args.annotator, "--json"]
        seconds, printed = timed(["-m", "detox_cli", *words], args.output)
        rows = [*read(target), *read(args.output / f"{target.name}.dropped.jsonl")]
        prompts = prompt_tokens(args, name, options, rows)
        note = {
            "calls": sum(row["attempts"] for row in rows),
            "prompt_tokens": prompts,
            "new_tokens": json.loads(printed)["new_tokens"],
            "cpu_seconds": seconds,
        }
        (args.output / f"{name}-{size}.cost.json").write_text(json.dumps(note))


def prompt_tokens(args: argparse.Namespace, name: str, options: str, rows: Sequence[Row]) -> int:
    """Of every time of asking, the prompt once: all answers to it come from one reading."""
    words = options.split()
    again = words[words.index("--retry-prompt") + 1] if "--retry-prompt" in words else "detox-en-v1"
    shots = read_shots(args.output) if "--num-shots" in words else []
    engine = load_engine(find_model(args.annotator), device="cpu")
    asked = [
        rewrite_conversation(row["toxic"], shots, "turns", PROMPTS["detox-en-v1" if attempt == 0 else again])
        for row in rows
        for attempt in range(row["attempts"])
    ]
    requests = [Request(str(i), conversation, 0) for i, conversation in enumerate(asked)]
    read_only = Sampling(max_new_tokens=1, temperature=0)
    return sum(one.prompt_tokens for one in engine.generate(requests, read_only))


def timed(words: Sequence[str], folder: Path) -> tuple[float, str]:
    """Run Python with ``words``; CPU seconds, user and system, and what it printed. Scores are not cached."""
    print(f"$ python {shlex.join(words)}", flush=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cache = folder / ".no-scores-yet"
    environment = os.environ | {"DETOX_CACHE": str(cache / os.urandom(4).hex()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
