"""Training tokens per CPU second of `detox train dpo` against `trl dpo`, and against the published recipe.

Two comparisons on the same rows, model and rate, one thread, in float32:

1. Both commands as processes of their own, from their start to the saved model, with the arguments that
   `--export-trl-args` writes. CPU seconds of the process and of what it starts.
2. The published recipe (a reference in memory, 1,229 pairs measured one by one after every 100 pairs of
   training) and our default (the reference asked once, 512 pairs in batches after every quarter of an epoch).
   Measured are CPU seconds for a pair of training, of asking and of measuring; the time for one epoch of the
   published 23,347 pairs is then a sum, and printed as such.

    python benchmarks/dpo.py [--pairs 160] [--model builtin:lm] [--data FILE] [--only commands|recipes]

Reads preferences from --data, else RTP-LX from $DETOX_DATA (password in DETOX_TRAIN__DPO__PASSWORD).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from detox_cli.data.preferences.preference import plain
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.rejects import Rejects
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent, SilentTask
from detox_cli.services.train_dpo.building import build_trainer
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.single import encode_sides
from detox_cli.settings.train_dpo import DpoSettings

PUBLISHED_PAIRS, PUBLISHED_HELD_OUT, PUBLISHED_EVERY = 23_347, 1_229, 100
OUR_HELD_OUT, OUR_MEASUREMENTS = 512, 4
MEASURED = 64
"""Held-out pairs with which the cost of one is measured."""
WANTED = 3.0


@dataclass(frozen=True)
class Costs:
    """CPU seconds per pair."""

    training: float
    asking: float
    measuring: float


def main() -> None:
    """Run both; exit with 1 if ours is slower than TRL, or below three times the published recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--model", default="builtin:lm")
    parser.add_argument("--data", default=None)
    parser.add_argument("--only", choices=["commands", "recipes"], default=None)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_rows(given.data, given.pairs, folder)
        good = True
        if given.only != "recipes":
            good &= compare_commands(given.model, data, folder)
        if given.only != "commands":
            good &= compare_recipes(given.model, data, folder)
    sys.exit(0 if good else 1)


def write_rows(source: str | None, pairs: int, folder: Path) -> Path:
    """The first rows of the source, enough to train on and to measure with, as one file."""
    place = source or str(Path(os.environ["DETOX_DATA"]) / "rtp_lx.zip")
    password = os.environ.get("DETOX_TRAIN__DPO__PASSWORD")
    found = read_preferences(place, Rejects(), password=password).preferences[: pairs + MEASURED]
    rows = [
        {"prompt": plain(p.prompt), "chosen": plain(p.chosen), "rejected": plain(p.rejected)} for p in found
    ]
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def words_for(model: str, data: Path, output: Path) -> list[str]:
    """One epoch of `detox train dpo`, as far as `trl dpo` can do the same."""
    options = {
        **{"--epochs": "1", "--batch-size": "8", "--accumulate": "1", "--learning-rate": "1e-4"},
        **{"--precision": "float32", "--device": "cpu", "--select": "last", "--eval-every": "1"},
        **{"--val-fraction": "0.2", "--max-length": "256", "-o": str(output)},
    }
    words = [sys.executable, "-m", "detox_cli", "train", "dpo", model, "--data", str(data), "--quiet"]
    return [*words, *(word for pair in options.items() for word in pair)]


def compare_commands(model: str, data: Path, folder: Path) -> bool:
    """Both commands, one after the other; prints tokens per CPU second."""
    run([*words_for(model, data, folder / "theirs"), "--export-trl-args", str(folder / "trl")])
    ours = run(words_for(model, data, folder / "ours"))
    theirs = run(
        [str(Path(sys.executable).with_name("trl")), "dpo", "--config", str(folder / "trl" / "dpo.yaml")]
    )
    tokens = count_tokens(model, data, folder)
    print(f"training tokens {tokens:,}; CPU seconds and tokens per CPU second of the whole command:")
    print(f"  detox train dpo  {ours:8.1f}  {tokens / ours:8.0f}")
    print(
        f"  trl dpo          {theirs:8.1f}  {tokens / theirs:8.0f}   {theirs / ours:.2f} times the CPU time"
    )
    return ours <= theirs


def run(words: list[str]) -> float:
    """Run a command to its end; CPU seconds of it and of its own processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    if done.returncode:
        raise SystemExit(f"{words[0]} failed:\n{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def count_tokens(model: str, data: Path, folder: Path) -> int:
    """Tokens of one epoch, both continuations with their prompts, without padding."""
    wanted = settings_for(model, data, folder)
    _, sides = prepared(wanted)
    rows = sides.training
    return sum(
        2 * len(p) + len(c) + len(r) for p, c, r in zip(rows.prompts, rows.chosen, rows.rejected, strict=True)
    )


def settings_for(model: str, data: Path, folder: Path, **changes: object) -> DpoSettings:
    """The same settings for a trainer in this process."""
    given = {"model": model, "data": (str(data),), "output": folder / "x", "epochs": 1, "learning_rate": 1e-4}
    given |= {
        "precision": "float32",
        "device": "cpu",
        "val_fraction": 0.2,
        "max_length": 256,
        "select": "last",
    }
    return DpoSettings.model_validate({**given, "accumulate": 1, "eval_every": 1, **changes})


def prepared(wanted: DpoSettings) -> tuple[Any, Any]:
    """The model and the rows as ids."""
    loaded = load_causal(find_model(wanted.model), "cpu", "float32")
    return loaded, encode_sides(wanted, read_data(wanted, Silent()), loaded.tokenizer, wanted.max_length)


def costs(wanted: DpoSettings, folder: Path) -> Costs:
    """CPU seconds per pair of training, of asking the reference and of measuring."""
    loaded, sides = prepared(wanted)
    hidden = {"task": SilentTask(), "progress": Silent(), "on_log": lambda *_: None}
    asked = len(sides.training) + len(sides.held_out)
    clock = time.process_time()
    trainer = build_trainer(wanted, loaded, sides, folder, **hidden)
    asking = time.process_time() - clock if wanted.precompute_ref else 0.0
    trainer.args.save_strategy = trainer.args.eval_strategy = "no"
    clock = time.process_time()
    trainer.train()
    training = time.process_time() - clock
    clock = time.process_time()
    trainer.evaluate()
    measuring = time.process_time() - clock
    return Costs(training / len(sides.training), asking / asked, measuring / len(sides.held_out))


def compare_recipes(model: str, data: Path, folder: Path) -> bool:
    """Costs per pair of both recipes, and what an epoch of the published size comes to."""
    original = {"precompute_ref": False, "group_by_length": False, "batch_size": 4, "eval_batch_size": 1}
    theirs = costs(settings_for(model, data, folder, **original), folder / "original")
    ours = costs(settings_for(model, data, folder), folder / "own")
    for name, found in (("published recipe", theirs), ("our default", ours)):
        numbers = f"training {1000 * found.training:.1f}, asking {1000 * found.asking:.1f}"
        print(f"{name}: CPU ms per pair: {numbers}, measuring {1000 * found.measuring:.1f}")
    measured = PUBLISHED_PAIRS // PUBLISHED_EVERY * PUBLISHED_HELD_OUT
    their_time = PUBLISHED_PAIRS * theirs.training + measured * theirs.measuring
    our_time = PUBLISHED_PAIRS * (ours.training + ours.asking)
    our_time += OUR_HELD_OUT * (OUR_MEASUREMENTS * ours.measuring + ours.asking)
    ratio = their_time / our_time
    both = f"{their_time:,.0f} and {our_time:,.0f} CPU s, {ratio:.1f} times"
    print(f"an epoch of {PUBLISHED_PAIRS:,} pairs, summed: {both}")
    print(f"without any measuring: {theirs.training / (ours.training + ours.asking):.2f} times")
    return ratio >= WANTED


if __name__ == "__main__":
    main()
