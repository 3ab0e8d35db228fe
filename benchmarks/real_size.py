"""Generation, preference tuning, abliteration and merging at real size: seconds, rates and memory.

    python -m benchmarks.real_size --output DIR [--shape openai-community/gpt2 …] [--part merge …]

A model of a published shape with random weights in bfloat16 is made in DIR, with the tokenizer of
`builtin:chat`: what it says does not change what it costs. Each part is a command in a process of its own.
Rates of writing and tuning are of the difference between many rows and few, so loading does not count; the
operations of a step are counted as `scale_costs.py` does, so that docs/scale.md can be held against what is
measured. Seconds and memory are those of the manifests. Prints Markdown, and what it was measured on.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.scale_costs import BFLOAT16, MODELS, PEAK, Model
from detox_cli.runs.manifest import manifest_path

SHAPES = ("bigscience/bloom-1b7", "meta-llama/Meta-Llama-3-8B-Instruct")
FEW, MANY = 64, 512
"""Prompts, and preferences: the smaller run is subtracted from the larger."""
SAMPLES, NEW_TOKENS = 25, 20
LENGTH = 128
"""Tokens of a prompt with its continuation; every row has as many."""
LARGEST_WHOLE = 3e9
"""Larger models are tuned by an adapter: weights, gradients and optimizer of all would not fit on one GPU."""
RANK = 64
PROMPTS = 128
"""A side."""


def main() -> None:
    """Make the models, run the parts, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--shape", choices=MODELS, action="append")
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--few", type=int, default=FEW, help="prompts and preferences of the shorter run")
    parser.add_argument("--many", type=int, default=MANY, help="and of the longer one")
    parser.add_argument("--make", choices=MODELS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.output)
        return
    titles = ("model", "part", "rate", "seconds in all", "memory, GB", "GPU memory, GB")
    print(f"{machine()}\n\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for shape in given.shape or SHAPES:
        job = Job(given.output.resolve() / shape.split("/")[1], MODELS[shape], given.few, given.many)
        if not job.model.exists():
            # In a process of its own: the peak of a child counts what its parent held when it started.
            module = [sys.executable, "-m", "benchmarks.real_size"]
            subprocess.run([*module, "--output", str(job.model), "--make", shape], check=True)
        job.write_rows()
        for part in given.part or PARTS:
            for cells in PARTS[part](job):
                print("|", " | ".join((shape.split("/")[1], *cells)), "|", flush=True)


@dataclass(frozen=True)
class Job:
    """A folder with a model, its shape, and how many rows are used."""

    folder: Path
    shape: Model
    few: int
    many: int

    @property
    def model(self) -> Path:
        """Where the model is."""
        return self.folder / "model"

    def write_rows(self) -> None:
        """Prompts and preferences of random words, all longer than `LENGTH` tokens."""
        draw = random.Random(0)
        words = ("river", "window", "seven", "under", "quiet", "answer", "paper", "morning", "because")
        rows = [
            {key: " ".join(draw.choices(words, k=2 * LENGTH)) for key in ("chosen", "rejected")}
            for _ in range(self.many)
        ]
        for name, count in (("few", self.few), ("many", self.many)):
            made = [{"prompt": " ".join(draw.choices(words, k=8)), **row} for row in rows[:count]]
            text = "".join(json.dumps(row) + "\n" for row in made)
            (self.folder / f"{name}.jsonl").write_text(text, encoding="utf-8")

    def run(self, name: str, command: str, *, keep: bool = False) -> dict[str, Any]:
        """The manifest of what a command wrote; the output is removed, and first that of an earlier run."""
        output = self.folder / name
        drop(output)
        words = [sys.executable, "-m", "detox_cli", *command.split(), "-o", str(output), "-q", "--offline"]
        done = subprocess.run(
            words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} left with {done.returncode}: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(manifest_path(output).read_text(encoding="utf-8"))
        if not keep:
            drop(output)
        return found

    def twice(self, name: str, command: str) -> tuple[dict[str, Any], float]:
        """The manifest with many rows, and how many seconds more it took than with few."""
        few = self.run(f"few-{name}", command.format(rows="few.jsonl"))
        many = self.run(f"many-{name}", command.format(rows="many.jsonl"))
        seconds = many["wall_seconds"] - few["wall_seconds"]
        if seconds <= 0:
            raise SystemExit(f"{name}: many rows took no longer than few; raise --many")
        return many, seconds


Line = tuple[str, str, str, str, str]


def line(part: str, rate: str, manifest: dict[str, Any]) -> Line:
    """The cells after the model's name."""
    peak = {name: f"{count / 1e9:.1f}" for name, count in manifest["peak_memory_bytes"].items()}
    return part, rate, f"{manifest['wall_seconds']:.0f}", peak["process"], peak.get("accelerator", "")


def generation(job: Job) -> list[Line]:
    """25 continuations of every prompt, by each engine that is installed."""
    found = []
    for engine in ("transformers", *(["vllm"] if find_spec("vllm") else [])):
        command = (
            f"generate {job.model} {{rows}} --text-column prompt --num-samples {SAMPLES} --temperature 1 "
            f"--top-p 1 --max-new-tokens {NEW_TOKENS} --engine {engine} --dtype bfloat16"
        )
        manifest, seconds = job.twice(f"{engine}.jsonl", command)
        rate = (job.many - job.few) * SAMPLES * NEW_TOKENS / seconds
        found.append(line(f"`generate`, engine {engine}", f"{rate:,.0f} tokens/s", manifest))
    return found


def dpo(job: Job) -> list[Line]:
    """Preferences of two texts with `LENGTH` tokens each; the reference is asked before."""
    whole = job.shape.weights < LARGEST_WHOLE
    how = "" if whole else f" --lora {RANK},{2 * RANK},0 --dtype bfloat16"
    command = (
        f"train dpo {job.model} --data {{rows}} --max-length {LENGTH} --epochs 1 --val-fraction 0.01 "
        f"--batch-size 8 --accumulate 1 --precision bfloat16{how}"
    )
    manifest, seconds = job.twice("dpo", command)
    pairs = (job.many - job.few) / seconds
    rate = f"{pairs:.1f} pairs/s, {2 * LENGTH * pairs:,.0f} tokens/s"
    if "accelerator" in manifest["peak_memory_bytes"]:
        # Forward and backward of both, no gradients of frozen weights, and forward for the reference.
        operations = ((6 if whole else 4) + 2) * job.shape.weights * 2 * LENGTH
        rate += f", {operations * pairs / PEAK:.1%} of an H100's peak"
    return [line("`train dpo`" + ("" if whole else f", LoRA of rank {RANK}"), rate, manifest)]


def abliterate(job: Job) -> list[Line]:
    """Measuring 128 instructions a side at all blocks, and editing the files by one of the directions."""
    command = f"abliterate {job.model} --dtype bfloat16"
    manifest = job.run("measured", f"{command} --limit {PROMPTS} --no-filter --measure-only", keep=True)
    rate = f"{2 * PROMPTS / manifest['wall_seconds']:.1f} prompts/s with loading"
    lines = [line("`abliterate --measure-only`", rate, manifest)]
    place = f"--direction measured --position -1 --layer {job.shape.blocks // 2} --mode zero"
    manifest = job.run("edited", f"{command} {place} --parts residues")
    drop(job.folder / "measured")
    return [*lines, line("`abliterate --direction`", moved(job, 2, manifest), manifest)]


def merge(job: Job) -> list[Line]:
    """Two models into one, linearly; the same files twice are read twice."""
    other = job.folder / "other"
    if not other.exists():
        shutil.copytree(job.model, other)
    manifest = job.run("merged", f"merge {job.model} {other} --method linear")
    shutil.rmtree(other)
    return [line("`merge --method linear`", moved(job, 3, manifest), manifest)]


def moved(job: Job, copies: int, manifest: dict[str, Any]) -> str:
    """What is read and written, per second."""
    return f"{copies * BFLOAT16 * job.shape.weights / 1e9 / manifest['wall_seconds']:.2f} GB/s"


PARTS: dict[str, Callable[[Job], list[Line]]] = {
    "generation": generation,
    "dpo": dpo,
    "abliterate": abliterate,
    "merge": merge,
}


def drop(output: Path) -> None:
    """Remove an output with its manifest."""
    shutil.rmtree(output, ignore_errors=True)
    for path in (output, manifest_path(output)):
        path.unlink(missing_ok=True)


def make(name: str, folder: Path) -> None:
    """A model of the shape with random weights, and a tokenizer with a chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from detox_cli.models.sources import find_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(configuration(name), dtype=torch.bfloat16)
    counted = sum(weight.numel() for weight in model.parameters())
    if counted != MODELS[name].weights:
        raise SystemExit(
            f"{name}: {counted:,} weights were made, and scale_costs.py has {MODELS[name].weights:,}"
        )
    disable_progress_bar()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(find_model("builtin:chat").location).save_pretrained(folder)


def configuration(name: str) -> Any:
    """What transformers makes a model of that shape from."""
    from transformers import BloomConfig, GPT2Config, LlamaConfig

    shape = MODELS[name]
    ends = {"bos_token_id": 1, "eos_token_id": 2}
    if "bloom" in name:
        return BloomConfig(
            vocab_size=shape.pieces, hidden_size=shape.width, n_layer=shape.blocks, n_head=16, **ends
        )
    if shape.fused:
        heads = shape.width // 64
        size = {
            "n_embd": shape.width,
            "n_layer": shape.blocks,
            "n_head": heads,
            "n_positions": 2048 if "mGPT" in name else 1024,
        }
        return GPT2Config(vocab_size=shape.pieces, **size, **ends)
    return LlamaConfig(
        vocab_size=shape.pieces,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.blocks,
        num_attention_heads=shape.width // 128,
        num_key_value_heads=shape.keys // 128,
        tie_word_embeddings=False,
        **ends,
    )


def machine() -> str:
    """What it is measured on."""
    import torch

    cores = f"{len(os.sched_getaffinity(0))} cores"
    if not torch.cuda.is_available():
        return f"{cores}, no GPU, torch {torch.__version__}"
    return f"{cores}, {torch.cuda.get_device_name()}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
