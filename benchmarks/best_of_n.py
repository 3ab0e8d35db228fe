"""Best of n answers against one, at equal generated tokens, on ParaDetox sentences unknown to the models.

``detox synth pairs --num-candidates N`` writes N answers to each test sentence. Equal tokens: the best of
them against the mean of all of them, paired by sentence. In between stands the first answer without a flag,
so that what comes from passing over refusals is told from what comes from the scores. The scores that choose
are the ones that J is made of, so chrF to the human references and the words of a list, which choose nothing,
stand beside it.

With ``--train``, N answers are written to further sentences, and rewriters are trained on four sets of pairs:
all unflagged answers and the best ones, which took the same tokens; and one answer per sentence and the best
ones of every N-th sentence, which took an N-th of them. What they write for the test sentences is what
best-of-n is worth.

    python benchmarks/best_of_n.py --data DIR --output DIR [--candidates 4] [--sources 300] [--train 640]
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import is_held_out, split_fraction
from detox_cli.data.writing import write_rows
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.statistics.bootstrap import mean_interval, paired_difference

HELD_OUT = 0.1
"""The share of texts that the training of the bundled models left out."""
MEASURES = ("sta", "sim", "fl", "j", "chrf", "listed", "refused")
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--sources", type=int, default=300)
    parser.add_argument("--train", type=int, default=0, metavar="SENTENCES")
    args = parser.parse_args()
    if args.candidates < 2:
        parser.error("--candidates must be 2 or more")
    args.output.mkdir(parents=True, exist_ok=True)
    pairs = read_pairs(str(args.data / "paradetox" / "paradetox.tsv"), Rejects())
    unseen = [pair for pair in pairs if is_held_out(pair.toxic, HELD_OUT)]
    # The file is ordered by origin, and its parts differ in how rude they are.
    unseen.sort(key=lambda pair: split_fraction(pair.toxic, "road"))
    write(args.output / "test.jsonl", unseen[: args.sources])
    answers(args.output, "test", args.candidates)
    compare(read(args.output / "test_answers.jsonl"))
    if args.train:
        write(args.output / "more.jsonl", unseen[args.sources : args.sources + args.train])
        answers(args.output, "more", args.candidates)
        train(args.output, read(args.output / "more_answers.jsonl"))


def answers(folder: Path, name: str, count: int) -> None:
    options = ["--num-candidates", str(count), "--max-new-tokens", "48"]
    detox(folder, "synth", "pairs", f"{name}.jsonl", "-o", f"{name}_answers.jsonl", *options)


def compare(rows: Sequence[Row]) -> None:
    """Print the table of systems, and the paired differences."""
    measured = [measure(row) for row in rows]
    systems = {
        "one answer (mean of all)": [mean(found) for found in measured],
        "first answer without a flag": [
            found[first_unflagged(row)] for row, found in zip(rows, measured, strict=True)
        ],
        "best answer": [found[chosen(row)] for row, found in zip(rows, measured, strict=True)],
    }
    tokens = "the same tokens for each line"
    print(f"\nn = {len(rows)} sentences, {len(rows[0]['candidates'])} answers each; {tokens}\n")
    print("| system | STA | SIM | FL | J | chrF to reference | listed word | refusals |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, found in systems.items():
        cells = [f"{mean_interval([one[key] for one in found]).mean:.3f}" for key in MEASURES]
        cells[3] = str(mean_interval([one["j"] for one in found]))
        print(f"| {name} | {' | '.join(cells)} |")
    names = list(systems)
    for left, right in ((2, 0), (2, 1), (1, 0)):
        for key in ("j", "chrf", "listed"):
            a, b = ([one[key] for one in systems[names[i]]] for i in (left, right))
            print(f"{key}: {names[left]} minus {names[right]}: {paired_difference(a, b)}")


def measure(row: Row) -> list[dict[str, float]]:
    """Every answer of a row: what chose among them, and what did not."""
    lexicon, references = read_lexicon(BUNDLED), row["references"]
    return [
        {
            **{key: one[key] for key in ("sta", "sim", "fl", "j")},
            "chrf": float(sentence_chrf([one["text"]] * len(references), references).max()),
            "listed": float(lexicon.hits(one["text"])),
            "refused": float("refusal" in one["flags"]),
        }
        for one in row["candidates"]
    ]


def mean(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([one[key] for one in found])) for key in MEASURES}


def first_unflagged(row: Row) -> int:
    flags = [bool(one["flags"]) for one in row["candidates"]]
    return flags.index(False) if False in flags else 0


def chosen(row: Row) -> int:
    return [one["text"] for one in row["candidates"]].index(row["neutral"])


def train(folder: Path, rows: Sequence[Row]) -> None:
    """Train on four sets of pairs, let each rewriter write the test sentences, and score all of it."""
    sets = {
        "one": [pair_of(row, 0) for row in rows],
        "all": [pair_of(row, i) for row in rows for i in range(len(row["candidates"]))],
        "best": [pair_of(row, chosen(row)) for row in rows],
        "best_of_fewer": [pair_of(row, chosen(row)) for row in rows[:: len(rows[0]["candidates"])]],
    }
    for name, pairs in sets.items():
        usable = [pair for pair in pairs if pair is not None]
        print(f"\n{name}: {len(usable)} usable pairs of {len(pairs)} answers")
        write_rows(folder / f"{name}_pairs.jsonl", usable)
        detox(folder, "train", "bart", f"{name}_pairs.jsonl", "-o", f"{name}_model")
        column = ("--text-column", "toxic")
        detox(folder, "generate", f"{name}_model", "test.jsonl", *column, "-o", f"{name}.jsonl")
    detox(folder, "eval", "rewrite", *(f"{name}.jsonl" for name in sets), "--references", "test.jsonl")


def pair_of(row: Row, place: int) -> Row | None:
    answer = row["candidates"][place]
    if answer["flags"]:
        return None
    return {"id": f"{row['id']}-{place}", "toxic": row["toxic"], "neutral": answer["text"]}


def write(path: Path, pairs: Sequence[Pair]) -> None:
    rows = [{"id": pair.id, "toxic": pair.toxic, "references": list(pair.references)} for pair in pairs]
    write_rows(path, rows)


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def detox(folder: Path, *words: str) -> None:
    command = ["detox", *words, "--profile", "offline"]
    print(f"\n$ {shlex.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "detox_cli", *command[1:]], cwd=folder, check=True)


if __name__ == "__main__":
    main()
