"""Detectors of toxic spans on the held-out comments of SemEval-2021 task 5: character F1, size and time.

Two Segment-CNNs are trained from the encoder that `builtin:spans` was trained from, on the marked comments
alone: the published one (three numbers for all channels, a toxic window counts twice, all its tokens are
marked), and ours. Everything is measured on the comments that the project's split rule holds out; nobody has
chosen anything by them. Occlusion asks its scorer for every word, several times; ``--rows`` takes fewer.

    python benchmarks/spans.py --data DATA --output DIR [--rows N] [--detector NAME ...] [--only-measure]

DATA is the folder of development data; DIR keeps what is trained, and a second run goes on from there.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from detox_cli.data.marked.read import MarkedText
from detox_cli.miniatures.training.spans import BESIDE, RECIPE, TEXTS, held_out_posts
from detox_cli.models.sources import find_model
from detox_cli.runs.manifest import read_manifest
from detox_cli.scoring.spans.agreement import agreement
from detox_cli.scoring.spans.load import load_span_detector, parse_detector
from detox_cli.services.train_spans.measuring import overlaps_of
from detox_cli.services.train_spans.run import run
from detox_cli.settings.train_spans import SpansSettings
from detox_cli.statistics.bootstrap import Estimate, paired_difference

OURS, ATTRIBUTION = "builtin:spans", "attribution:builtin:toxicity"
HEADS = {
    "segment-cnn": {"head": "segment-cnn"},
    "segment-cnn-published": {
        "head": "segment-cnn",
        "convolution": "shared",
        "reading": "any",
        "toxic_weight": 2.0,
    },
}


def main() -> None:
    """Train what is not there, measure everything, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, help="measure on the first N comments only")
    parser.add_argument("--detector", action="append", default=[], help="a further one to measure")
    parser.add_argument("--only-measure", action="store_true", help="train nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trained = {} if options.only_measure else train(options.data, options.output)
    posts = held_out_posts(options.data)[: options.rows]
    print(f"{len(posts)} comments, {sum(map(len, (post.text for post in posts)))} characters\n")
    print("| detector | character F1 | precision | recall | ahead of it by | MB | CPU s |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    ours: list[float] = []
    for name in (OURS, *trained, *BESIDE, ATTRIBUTION, *options.detector):
        ours = measure(name, trained.get(name, name), posts, ours)


def train(data: Path, output: Path) -> dict[str, str]:
    """The folder of each Segment-CNN, by its name."""
    folders = {}
    for name, head in HEADS.items():
        given = {**RECIPE, **head, "eval_every": 0.5, "data": (str(data / TEXTS),), "output": output / name}
        result = run(SpansSettings.model_validate(given))
        seconds = (read_manifest(output / name) or {})["wall_seconds"]
        f1 = shown(result.quality["model"]["f1"])
        print(f"{name}: F1 {f1} on all, threshold {result.threshold:g}, {seconds:.0f} s of training")
        folders[name] = str(output / name)
    return folders


def measure(name: str, spec: str, posts: Sequence[MarkedText], ours: list[float]) -> list[float]:
    """Print a row; give the F1 of every comment by our detector, with which the others are compared."""
    detector = load_span_detector(spec, device="cpu")
    begin = time.process_time()
    found = overlaps_of(detector, posts)
    seconds = time.process_time() - begin
    f1 = [one.f1 for one in found]
    ahead = shown(paired_difference(ours, f1)) if ours else ""
    cells = [shown(value) for value in agreement(found).values()]
    print(f"| `{name}` | {' | '.join(cells)} | {ahead} | {megabytes(spec)} | {seconds:.1f} |", flush=True)
    return ours or f1


def shown(value: Estimate) -> str:
    """As the tables of results have it."""
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def megabytes(spec: str) -> str:
    """The size of the model's folder; nothing for a list."""
    name = parse_detector(spec)
    if name.is_list:
        return ""
    source = find_model(name.target if name.kind in ("attribution", "words") else name.model)
    size = sum(file.stat().st_size for file in Path(source.location).iterdir() if file.is_file())
    return f"{size / 1e6:.1f}"


if __name__ == "__main__":
    main()
