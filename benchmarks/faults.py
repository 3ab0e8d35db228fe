"""Every long command, stopped at random moments and started again: the same bytes as from one run?

    python benchmarks/faults.py [--command NAME …] [--kills 20] [--signal KILL …] [--seed 0] [--keep DIR]

Each command runs once undisturbed, on a bundled model and a few rows. Then, in a fresh folder, the same
command line is started, stopped by a signal (KILL, INT or TERM; all if none is named) after a time drawn
evenly from the undisturbed run's duration, and started again, until it ends by itself; with another fresh
folder it goes on like this until ``--kills`` stops are reached. After each end all files must be there with
the bytes of the undisturbed run, and no others; of manifests all counts but times, memory, versions and the
list of files, which are compared themselves. After INT and TERM the exit code must be 130, except in the
first half second, in which Python has not begun with the program.

A row says how many stops there were, how many of them found something on the disk, how many runs came to
their end, and whether all of them were equal. The exit code is 1 if one was not.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TIMES = {"started", "wall_seconds", "seconds", "tokens_per_second"}
VOLATILE = TIMES | {"peak_memory_bytes", "output", "versions"}
COMMANDS = {
    "generate": "generate builtin:lm toxic.txt -o out.jsonl --max-new-tokens 30 --batch-tokens 400",
    "synth pairs": "synth pairs toxic.txt -m builtin:chat -o out.jsonl --score --retries 1 "
    "--batch-tokens 600",
    "synth preferences": "synth preferences builtin:lm --prompts toxic.txt -o out.jsonl --num-samples 8 "
    "--min-margin 0.01 --max-chosen 1 --min-rejected 0 --batch-tokens 1000",
    "synth chain": "synth chain builtin:lm --prompts toxic.txt -o out --batch-tokens 1000",
    "train bart": "train bart pairs.jsonl -o out --epochs 2 --min-steps 0 --batch-size 8 --eval-rows 8",
    "train lm": "train lm builtin:lm --data toxic.txt -o out --epochs 3 --batch-size 8 --split 2 "
    "--eval-share 0.1",
    "train dpo": "train dpo builtin:lm --data preferences.jsonl -o out --epochs 2 --batch-size 4 "
    "--val-fraction 0.2",
    "train cmd": "train cmd builtin:lm --data chains -o out --epochs 3 --batch-size 4 --val-fraction 0.2",
    "train spans": "train spans --data marked.jsonl -o out --epochs 3 --min-steps 0 --batch-size 8",
    "merge": "merge expert-0 expert-1 --base base --method ties --density 0.5 -o out --shard-size 1MB",
    "negate": "negate base --expert expert-0 --expert expert-1 --scale 0.2:0.6:0.2 -o out --limit 6 "
    "--num-samples 2 --picture none --max-ppl-increase none",
    "abliterate": "abliterate builtin:chat -o out --contrast toxicity --limit 48 --force "
    "--task-rows 8 --new-tokens 100 --best-anyway",
    "eval generation": "eval generation builtin:lm --prompts toxic.txt -o out --num-samples 4",
    "eval rewrite": "eval rewrite rewrites.jsonl -o out",
    "probe train": "probe train builtin:lm --data labelled.jsonl -o out --controls 2 --random-directions 5",
    "probe activations": "probe activations builtin:lm --probe probe -o out --prompts toxic.txt --random 5",
    "probe intervene": "probe intervene builtin:lm --neurons 0:1,1:2,2:3 --op zero --dose 0.5,1 -o out "
    "--limit 6 --num-samples 2 --controls 1",
}


@dataclass
class Series:
    """What became of one command under one signal."""

    kills: int = 0
    midway: int = 0
    ends: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> int:
    options = _options()
    place = Path(options.keep or tempfile.mkdtemp()).resolve()
    inputs = place / "inputs"
    if not inputs.exists():
        _write_inputs(inputs)
    failed = False
    print("| command | signal | kills | of them midway | ends | equal | seconds of one run |")
    print("|---|---|---|---|---|---|---|")
    for name in options.command or COMMANDS:
        folder = place / name.replace(" ", "-")
        whole = _fresh(folder / "whole", inputs)
        begun = time.monotonic()
        code = _run(name, whole)
        seconds = time.monotonic() - begun
        if code:
            print(
                f"| {name} | - | - | - | - | the undisturbed run ended with {code} | {seconds:.1f} |",
                flush=True,
            )
            print((whole.parent / "whole.err").read_text()[-2000:], file=sys.stderr)
            failed = True
            continue
        for sent in options.signal:
            chance = random.Random(f"{options.seed} {name} {sent}")
            series = _disturb(name, folder, inputs, seconds, sent, options.kills, chance)
            failed |= bool(series.faults)
            cells = [name, sent, series.kills, series.midway, series.ends, "no" if series.faults else "yes"]
            print(f"| {' | '.join(map(str, cells))} | {seconds:.1f} |", flush=True)
            print("".join(f"{name}, {sent}: {fault}\n" for fault in series.faults), end="", file=sys.stderr)
    if options.keep is None:
        shutil.rmtree(place)
    return int(failed)


def _disturb(
    name: str, folder: Path, inputs: Path, seconds: float, sent: str, kills: int, chance: random.Random
) -> Series:
    """Stop and start again until there were so many stops, and let the last run end."""
    series, wanted = Series(), _content(folder / "whole")
    while series.kills < kills and len(series.faults) < 3:
        place = _fresh(folder / f"{sent}-{series.ends}", inputs)
        code: int | None = None
        while code is None:
            moment = chance.uniform(0.05, seconds) if series.kills < kills else None
            code = _run(name, place, sent, moment, series)
        series.ends += 1
        if code:
            said = (place.parent / f"{place.name}.err").read_text()[-500:]
            series.faults.append(f"continued in {place}, it ended with {code}: {said}")
            continue
        series.faults.extend(f"{place}: {fault}" for fault in _differences(wanted, _content(place)))
        if not series.faults:
            shutil.rmtree(place)
    return series


def _run(
    name: str, place: Path, sent: str = "KILL", moment: float | None = None, series: Series | None = None
) -> int | None:
    """The exit code of one run, or ``None`` if it was stopped."""
    words = COMMANDS[name].split()
    cache = place.parent / f"{place.name}.cache"
    environment = os.environ | {
        "DETOX_CACHE": str(cache),
        "DETOX_PROFILE": "offline",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    with (place.parent / f"{place.name}.err").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "detox_cli", *words, "--quiet"],
            cwd=place,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            return process.wait(moment)
        except subprocess.TimeoutExpired:
            number = getattr(signal, f"SIG{sent}")
            process.send_signal(number)
            code = process.wait()
    assert series is not None and moment is not None
    if sent != "KILL" and code == 0:  # it was as good as done
        return 0
    series.kills += 1
    series.midway += len(_content(place)) > 0
    if sent != "KILL" and code != 130 and not (code == -number and moment < 0.5):
        said = (place.parent / f"{place.name}.err").read_text()[-1500:]
        series.faults.append(f"stopped after {moment:.2f} s it ended with {code}: {said}")
    return None


def _fresh(place: Path, inputs: Path) -> Path:
    """An empty folder in which the inputs are links, so that all command lines are the same."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(place.parent / f"{place.name}.cache", ignore_errors=True)
    place.mkdir(parents=True)
    for entry in inputs.iterdir():
        (place / entry.name).symlink_to(entry)
    return place


def _content(place: Path) -> dict[str, str]:
    """A digest of every file but the inputs, with times taken out of manifests."""
    found = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and not any(part.is_symlink() for part in (path, *path.parents)):
            found[str(path.relative_to(place))] = hashlib.sha256(_lasting(path)).hexdigest()
    return found


def _lasting(path: Path) -> bytes:
    content = path.read_bytes()
    if not path.name.endswith("detox.json"):
        return content
    return json.dumps(_without_times(json.loads(content))).encode()


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_times(part) for key, part in value.items() if key not in VOLATILE}
    return [_without_times(part) for part in value] if isinstance(value, list) else value


def _differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    lost = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    more = [f"{name} should not be there" for name in found.keys() - wanted.keys()]
    other = [f"{name} differs" for name in wanted.keys() & found.keys() if wanted[name] != found[name]]
    return sorted(lost + more + other)


def _write_inputs(place: Path) -> None:
    """A few rows of everything in mild words, a model and two that moved away from it, and a probe."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from detox_cli.runs.atomic import atomic_folder
    from tests.chain_rows import write_chains
    from tests.preference_pairs import write_preferences
    from tests.tiny_texts import INSULTS, TOPICS

    with atomic_folder(place) as folder:
        texts = [f"what a {insult} {topic}" for insult in INSULTS for topic in TOPICS][:48]
        (folder / "toxic.txt").write_text("".join(text + "\n" for text in texts))
        calm = [f"I do not like this {text.split()[-1]}, number {n}." for n, text in enumerate(texts)]
        pairs = list(zip(texts, calm, strict=True))
        _lines(folder / "pairs.jsonl", [{"toxic": a, "neutral": b} for a, b in pairs])
        _lines(
            folder / "rewrites.jsonl",
            [{"id": str(n), "toxic": a, "neutral": b, "references": [b]} for n, (a, b) in enumerate(pairs)],
        )
        _lines(
            folder / "labelled.jsonl",
            [{"text": t, "toxic": n} for a, b in pairs for t, n in ((a, 1), (b, 0))],
        )
        _lines(
            folder / "marked.jsonl",
            [{"text": a, "spans": [[7, 7 + len(a.split()[2])]]} for a in texts]
            + [{"text": b, "spans": []} for b in calm],
        )
        write_preferences(folder, "preferences.jsonl")
        write_chains(folder / "chains")
        _write_models(folder)
        done = _run_plain(COMMANDS["probe train"].replace("-o out", "-o probe"), folder)
        if done.returncode:
            raise SystemExit(done.stderr)


def _write_models(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from detox_cli.models.sources import find_model

    source = find_model("builtin:lm").location
    for number, name in enumerate(("base", "expert-0", "expert-1")):
        model = AutoModelForCausalLM.from_pretrained(source)
        torch.manual_seed(number)
        with torch.no_grad():
            for weight in model.parameters() if number else ():
                weight.add_(torch.randn_like(weight) * 0.02 * weight.std())
        model.save_pretrained(folder / name)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder / name)


def _run_plain(words: str, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detox_cli", *words.split(), "--quiet"],
        cwd=place,
        env=os.environ | {"DETOX_PROFILE": "offline", "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
    )


def _lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", action="append", choices=list(COMMANDS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--signal", action="append", choices=["KILL", "INT", "TERM"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="an existing folder for everything that is made")
    options = parser.parse_args()
    options.signal = options.signal or ["KILL", "INT", "TERM"]
    return options


if __name__ == "__main__":
    sys.exit(main())
