"""Train and measure `builtin:spans`: which words of a text people find toxic.

``detox train spans`` from `builtin:toxicity` on the marked comments of SemEval-2021 task 5; the texts that
the project's split rule holds out measure it.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from detox_cli.data.marked.read import Columns, MarkedText, read_marked
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.figures import write_card
from detox_cli.miniatures.training.loop import save_half
from detox_cli.miniatures.training.toxicity_texts import sentences, unlabelled_texts
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.spans.agreement import Overlap, agreement
from detox_cli.scoring.spans.encoding import as_it_was
from detox_cli.scoring.spans.load import load_span_detector
from detox_cli.services.train_spans.measuring import overlaps_of
from detox_cli.services.train_spans.run import run
from detox_cli.settings.train_spans import SpansSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval, paired_difference

CARD = Path(__file__).with_name("spans_card.md")
TEXTS = "civil/tsd.csv"
RECIPE = {
    "model": "builtin:toxicity",
    "epochs": 2,
    "learning_rate": 3e-4,
    "test_share": corpora.HELD_OUT_SHARE,
    "split_seed": 0,
    "eval_every": 1.0,
    "patience": 0,
    "precision": "float32",
    "device": "cpu",
}
BESIDE = ("builtin:lexicon", "words:builtin:toxicity")
CALM = 2000
"""Sentences without anything toxic that are read with the marked comments."""
TOXICITY_SEED = 0
"""The seed of `builtin:toxicity`, which says what it has read."""


class Lines(Silent):
    """Prints what happens."""

    def stage(self, text: str) -> None:
        """A part of the work begins."""
        print(text, flush=True)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """A number that was measured on the way."""
        print(f"step {step}: {name} {value:.4f}", flush=True)


def train(data: Path, output: Path, seed: int, progress: Progress) -> None:
    """Write the detector to ``output``, its weights in float16."""
    with tempfile.TemporaryDirectory() as place:
        calm = Path(place) / "calm.jsonl"
        rows = ({"text": text, "spans": []} for text in calm_texts(data, seed)[:CALM])
        calm.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        files = (str(data / TEXTS), str(calm))
        given = {**RECIPE, "data": files, "output": Path(place) / "spans", "seed": seed}
        settings = SpansSettings.model_validate(given)
        run(settings, progress)
        model = AutoModelForTokenClassification.from_pretrained(settings.output, dtype=torch.float32)
        save_half(model, as_it_was(AutoTokenizer.from_pretrained(settings.output)), output)


def calm_texts(data: Path, seed: int, *, held_out: bool = False) -> list[str]:
    """Sentences of clean prose and of comments that nobody called toxic, in random order, in equal parts.

    Nearly all marked comments hold something toxic: alone they teach that something always has to be marked.
    """
    comments = [item.text for item in corpora.jigsaw_comments(data, "train") if item.toxic == 0]
    side = corpora.held_out_side if held_out else corpora.training_side
    parts = []
    for texts in (corpora.sample(corpora.prose(data), 10_000, seed), comments):
        pieces = dict.fromkeys(piece for text in texts for piece in sentences(text))
        fit = [piece for piece in side(pieces, lambda piece: piece) if 3 <= len(piece.split()) <= 40]
        parts.append(corpora.sample(fit, CALM, seed))
    return [text for pair in zip(*parts, strict=False) for text in pair]


def held_out_posts(data: Path) -> list[MarkedText]:
    """The marked comments that training must not see."""
    return corpora.held_out_side(read_marked(str(data / TEXTS), Rejects(), Columns()), lambda post: post.text)


def unseen(data: Path, posts: list[MarkedText]) -> list[bool]:
    """Which posts have no sentence among those that `builtin:toxicity` read without a label."""
    read = {text_key(text) for text in unlabelled_texts(data, TOXICITY_SEED)}
    return [not any(text_key(piece) in read for piece in sentences(post.text)) for post in posts]


def measure(data: Path, folder: Path) -> dict[str, Estimate]:
    """Measure the detector in ``folder``, write its card there and give the figures by name."""
    posts = held_out_posts(data)
    new = unseen(data, posts)
    figures: dict[str, Estimate] = {}
    found: dict[str, list[Overlap]] = {}
    for name in (str(folder), *BESIDE):
        found[name] = overlaps_of(load_span_detector(name, device="cpu"), posts)
        shown = "the model" if name == str(folder) else f"`{name}`"
        for measured, value in agreement(found[name]).items():
            figures[f"{shown}: character {measured}"] = value
    mine = found[str(folder)]
    figures["the model on comments of which no sentence was read before: character f1"] = agreement(
        [one for one, is_new in zip(mine, new, strict=True) if is_new]
    )["f1"]
    calm = calm_texts(data, TOXICITY_SEED, held_out=True)[:CALM]
    found_there = load_span_detector(str(folder), device="cpu").detect(calm)
    figures["calm sentences in which the model marks something"] = mean_interval(list(map(bool, found_there)))
    for name in BESIDE:
        others = [one.f1 for one in found[name]]
        figures[f"f1 ahead of `{name}`"] = paired_difference([one.f1 for one in mine], others)
    for name, estimate in figures.items():
        print(f"{name}: {estimate} n={estimate.n}", flush=True)
    write_card(folder, CARD.read_text(encoding="utf-8"), figures)
    return figures


def main() -> None:
    """Train, then measure."""
    options = corpora.training_options(str(__doc__), "spans").parse_args()
    torch.set_num_threads(1)
    if not options.measure_only:
        shutil.rmtree(options.output, ignore_errors=True)
        train(options.data, options.output, options.seed, Lines())
    measure(options.data, options.output)


if __name__ == "__main__":
    main()
