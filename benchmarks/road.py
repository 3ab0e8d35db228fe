"""The first road on real input: 200 ParaDetox sentences to pairs, to a rewriter, to scores.

Runs the commands that a user would type, on sentences that no bundled model was trained on, and prints the
table of ``detox eval rewrite``. With ``--human`` a second rewriter is trained on the human pairs instead,
with default settings.

    python benchmarks/road.py --data DIR --output DIR [--human]
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import is_held_out, split_fraction
from detox_cli.data.writing import write_rows

HELD_OUT = 0.1
"""The share of texts that the training of the bundled models left out."""
SOURCES, TEST = 200, 750


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--human", action="store_true")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    pairs = read_pairs(str(args.data / "paradetox" / "paradetox.tsv"), Rejects())
    unseen = [pair for pair in pairs if is_held_out(pair.toxic, HELD_OUT)]
    # The file is ordered by origin, and its parts differ in how rude they are.
    unseen.sort(key=lambda pair: split_fraction(pair.toxic, "road"))
    write(args.output / "test.jsonl", unseen[:TEST])
    write(args.output / "sources.jsonl", unseen[TEST : TEST + SOURCES])
    road(args.output)
    systems = ["synthetic.jsonl"]
    if args.human:
        seen = [pair for pair in pairs if not is_held_out(pair.toxic, HELD_OUT)]
        write(args.output / "human_pairs.jsonl", seen)
        rewriter(args.output, "human_pairs.jsonl", "human")
        systems.append("human.jsonl")
    detox(args.output, "eval", "rewrite", "annotator.jsonl", *systems, "--references", "test.jsonl")


def road(folder: Path) -> None:
    detox(folder, "synth", "pairs", "sources.jsonl", "-o", "synthetic_pairs.jsonl")
    detox(folder, "synth", "pairs", "test.jsonl", "-o", "annotator.jsonl")
    rewriter(folder, "synthetic_pairs.jsonl", "synthetic")


def rewriter(folder: Path, pairs: str, name: str) -> None:
    detox(folder, "train", "bart", pairs, "-o", f"{name}_model")
    detox(folder, "generate", f"{name}_model", "test.jsonl", "--text-column", "toxic", "-o", f"{name}.jsonl")


def write(path: Path, pairs: list[Pair]) -> None:
    rows = [{"id": pair.id, "toxic": pair.toxic, "references": list(pair.references)} for pair in pairs]
    write_rows(path, rows)


def detox(folder: Path, *words: str) -> None:
    command = ["detox", *words, "--profile", "offline"]
    print(f"\n$ {shlex.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "detox_cli", *command[1:]], cwd=folder, check=True)


if __name__ == "__main__":
    main()
