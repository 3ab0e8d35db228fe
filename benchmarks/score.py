"""What scoring costs against `Detoxify.predict`, with the same checkpoint and equal scores.

    python benchmarks/score.py [--model builtin:toxicity] [--texts 2000] [--rounds 3] [--json]

Both sides load one checkpoint file. `Detoxify` is called as it is used: 32 texts at a time, in the order in
which they arrive; it pads each call to its longest text. `detox` gets all texts at once. Numbers are
processor time (user + system) of one thread, loading left out, the median over rounds in which the two take
turns. The texts are real comments from `$DETOX_DATA/jigsaw/binary.csv` (default `../shared/data`), or the
bundled sample, whose texts are of nearly one length, so that less is to be gained. Exit code 1 if the bar is
missed.
"""

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ARRIVING = 32
BAR = 3.0
LARGEST_DIFFERENCE = 1e-5
ROOT = Path(__file__).parents[1]


def read_texts(wanted: int) -> tuple[list[str], str]:
    """Texts in the order of their file, and what they are."""
    data = Path(os.environ.get("DETOX_DATA", ROOT / "../shared/data")) / "jigsaw" / "binary.csv"
    if data.exists():
        with data.open(encoding="utf-8", newline="") as file:
            return [row["comment_text"] for row in csv.DictReader(file)][:wanted], "Jigsaw comments"
    sample = ROOT / "detox_cli" / "miniatures" / "samples" / "pairs.jsonl"
    rows = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    texts = [text for row in rows for text in (row["toxic"], *row["references"])]
    return texts[:wanted], "bundled sample sentences"


def seconds_of(score: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """Processor time of one call, and what it gave."""
    before = time.process_time()
    scores = score()
    return time.process_time() - before, scores


def measure(model: str, wanted: int, rounds: int, folder: Path) -> dict[str, object]:
    """Run both sides in turn and compare."""
    import torch
    from detoxify import Detoxify

    from detox_cli.miniatures.detoxify import write_checkpoint
    from detox_cli.models.sources import find_model
    from detox_cli.scoring.load import load_text_scorer

    torch.set_num_threads(1)
    source, checkpoint = Path(find_model(model).location), folder / "model.ckpt"
    write_checkpoint(source, checkpoint)
    texts, origin = read_texts(wanted)
    theirs = Detoxify(checkpoint=str(checkpoint), huggingface_config_path=str(source))
    ours = load_text_scorer(f"detoxify:{checkpoint}#{theirs.class_names[0]}", device="cpu")

    def arriving() -> list[float]:
        scores: list[float] = []
        for start in range(0, len(texts), ARRIVING):
            scores += theirs.predict(texts[start : start + ARRIVING])[theirs.class_names[0]]
        return scores

    times: dict[str, list[float]] = {"detoxify": [], "detox": []}
    largest = 0.0
    for _ in range(rounds):
        spent, expected = seconds_of(arriving)
        times["detoxify"].append(spent)
        spent, scores = seconds_of(lambda: ours.score(texts))
        times["detox"].append(spent)
        largest = max(largest, *(abs(a - b) for a, b in zip(expected, scores, strict=True)))
    lengths = [len(ids) for ids in theirs.tokenizer(texts, truncation=True)["input_ids"]]
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "model": model,
        "texts": len(texts),
        "origin": origin,
        "mean_tokens": round(statistics.mean(lengths), 1),
        "longest_tokens": max(lengths),
        "rounds": rounds,
        "detoxify_cpu_seconds": round(medians["detoxify"], 3),
        "detox_cpu_seconds": round(medians["detox"], 3),
        "times_faster": round(medians["detoxify"] / medians["detox"], 2),
        "bar": BAR,
        "largest_difference": largest,
    }


def main() -> int:
    """Measure, print, and say by the exit code whether the bar is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="builtin:toxicity", help="a classifier that Detoxify can load")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.model, options.texts, options.rounds, Path(folder))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{name:22} {value}" for name, value in found.items()))
    met = float(str(found["times_faster"])) >= BAR
    return 0 if met and float(str(found["largest_difference"])) <= LARGEST_DIFFERENCE else 1


if __name__ == "__main__":
    sys.exit(main())
