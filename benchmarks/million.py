"""What a million rows take of this machine: processor seconds and the most memory of whole commands.

    python benchmarks/million.py [--rows 1000000] [--json]
    python benchmarks/million.py --plan-pairs 8000

The rows are made up (mild), and scored by a list of words, so that what is seen is what the commands
themselves keep: reading, asking for each text once, the cache of scores, journals and figures. Each command
is run with a tenth of the rows too; what the rows add is the slope between both.
"""

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SAMPLES = 25
WORDS = (
    "the",
    "train",
    "page",
    "game",
    "plan",
    "was",
    "late",
    "again",
    "silly",
    "good",
    "day",
    "they",
    "of",
    "my",
)
LISTED = ("silly", "late")


def text(draw: random.Random) -> str:
    """A mild sentence of twelve words and a number, so that no two are the same."""
    return f"{' '.join(draw.choices(WORDS, k=12))} {draw.getrandbits(32)}"


def write_continuations(path: Path, rows: int) -> None:
    """25 continuations of each prompt, as `detox generate` writes them."""
    draw = random.Random(0)
    with path.open("w") as file:
        for number in range(rows // SAMPLES):
            drawn = [f" {text(draw)}" for _ in range(SAMPLES)]
            file.write(json.dumps({"id": str(number), "prompt": text(draw), "outputs": drawn}) + "\n")


COMMANDS: dict[str, tuple[Callable[[Path, int], None], list[str]]] = {
    "eval generation": (
        write_continuations,
        ["eval", "generation", "--from", "{rows}", "-s", "lexicon:{words}", "-o", "{out}"],
    ),
}


def measured(words: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Processor seconds and peak memory of a process of its own."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-m", "detox_cli", *words], environment)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"failed: detox {' '.join(words)}")
    return {
        "seconds": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": round(used.ru_maxrss * 1024 / 1e6),
    }


def plan_pairs(rows: int) -> None:
    """Read so many sentences, plan ten-shot requests for them and the batches of these; print what it took.

    All in this process, with the small bundled model, whose weights are in the second figure.
    """
    from detox_cli.data.rejects import Rejects
    from detox_cli.generation.transformers_engine import TransformersEngine
    from detox_cli.output.progress import Silent
    from detox_cli.services.synth_pairs.sources import requests_for
    from detox_cli.services.synth_pairs.work import prepare
    from detox_cli.settings.resolve import resolve
    from detox_cli.settings.synth import SynthPairsSettings

    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        asked, shots = Path(name) / "asked.jsonl", Path(name) / "shots.jsonl"
        asked.write_text("".join(json.dumps({"id": str(n), "text": text(draw)}) + "\n" for n in range(rows)))
        pairs = [{"id": str(n), "toxic": text(draw), "neutral": text(draw)} for n in range(40)]
        shots.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
        given = {"input": str(asked), "output": f"{name}/out.jsonl", "shots": str(shots), "num_shots": 10}
        began = time.process_time()
        settings = resolve("synth.pairs", SynthPairsSettings, given, ["offline"])
        work = prepare(settings, Rejects(), Silent())
        took, memory = time.process_time() - began, most_memory()
        engine = work.writer.load(Silent())
        assert isinstance(engine, TransformersEngine)
        batches = engine.plan(requests_for(list(work.sources.values()), settings), work.sampling).parts
    print(f"planning {rows} pairs: {took:.1f} s, {memory:.1f} MB")
    took = time.process_time() - began
    print(f"and their {len(batches)} batches: {took:.1f} s, {most_memory():.1f} MB")


def most_memory() -> float:
    """The most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=COMMANDS)
    parser.add_argument("--plan-pairs", type=int, metavar="ROWS", help="plan synth pairs, and nothing else")
    given = parser.parse_args()
    if given.plan_pairs:
        plan_pairs(given.plan_pairs)
        return
    found: dict[str, dict[str, object]] = {}
    for name, (write, words) in COMMANDS.items():
        if given.only in (None, name):
            found[name] = {str(rows): one(write, words, rows) for rows in (given.rows // 10, given.rows)}
            few, many = found[name].values()
            found[name]["bytes_a_row"] = round(
                (many["megabytes"] - few["megabytes"]) * 1e6 / (given.rows - given.rows // 10)  # type: ignore[index]
            )
    print(json.dumps(found, indent=2) if given.json else "\n".join(f"{k}: {v}" for k, v in found.items()))


def one(write: Callable[[Path, int], None], words: list[str], rows: int) -> dict[str, float]:
    """One command on so many rows, with a cache of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {"rows": folder / "rows.jsonl", "words": folder / "words.txt", "out": folder / "out"}
        write(places["rows"], rows)
        places["words"].write_text("\n".join(LISTED))
        environment = {**os.environ, "DETOX_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        return measured([word.format(**places) for word in words], environment)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
