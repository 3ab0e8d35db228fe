"""Measure `builtin:toxicity` on texts that its training never saw, and write its card."""

import random
from collections.abc import Sequence
from pathlib import Path

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corpora import Labelled
from detox_cli.miniatures.training.disguise import disguise
from detox_cli.miniatures.training.figures import write_card
from detox_cli.miniatures.training.scores import probabilities
from detox_cli.miniatures.training.toxicity_texts import measured_texts
from detox_cli.statistics.bootstrap import Estimate, mean_interval
from detox_cli.statistics.ranking import auroc, spearman

CARD = Path(__file__).with_name("toxicity_card.md")


def measure(data: Path, folder: Path) -> dict[str, Estimate]:
    """Measure the model in ``folder``, write its card there and give the figures by name."""
    figures = binary_figures(folder, labelled_sets(data)) | unlabelled_figures(data, folder)
    for name, estimate in figures.items():
        print(f"{name}: {estimate} n={estimate.n}", flush=True)
    write_card(folder, CARD.read_text(encoding="utf-8"), figures)
    return figures


def labelled_sets(data: Path) -> dict[str, list[Labelled]]:
    """The sets with a label per text, by name."""
    texts = measured_texts(data)
    cases = corpora.read_table(data / "hatecheck/hatecheck_en.csv")
    return {
        "Jigsaw comments, 10% toxic": texts.natural,
        "Surge": texts.surge,
        "ParaDetox, toxic against first rewrite": [
            Labelled(text, label, "paradetox")
            for pair in texts.pairs
            for text, label in ((pair.toxic, 1.0), (pair.neutrals[0], 0.0))
        ],
        "HateCheck": [
            Labelled(c["test_case"], float(c["label_gold"] == "hateful"), "hatecheck") for c in cases
        ],
    }


def binary_figures(folder: Path, sets: dict[str, list[Labelled]]) -> dict[str, Estimate]:
    """For each set the AUROC and the share above .5 of toxic and of other texts."""
    figures = {}
    for name, items in sets.items():
        scores = probabilities(folder, [item.text for item in items], "toxicity")
        toxic = [item.toxic > 0.5 for item in items]
        figures[f"{name}: AUROC"] = auroc(scores, toxic)
        for label, wanted in (("toxic", True), ("other", False)):
            figures[f"{name}: share of {label} above .5"] = above_half(scores, toxic, wanted)
    return figures


def above_half(scores: Sequence[float], toxic: Sequence[bool], wanted: bool) -> Estimate:
    """Share above .5 among the texts whose label is ``wanted``."""
    return mean_interval([s > 0.5 for s, label in zip(scores, toxic, strict=True) if label is wanted])


def unlabelled_figures(data: Path, folder: Path) -> dict[str, Estimate]:
    """Respelled insults, clean prose, and agreement with Perspective on web text."""
    rude = corpora.profanity(data)
    toxic = [pair.toxic for pair in measured_texts(data).pairs]
    respelled = [disguise(text, rude, random.Random(i)) for i, text in enumerate(toxic)]
    respelled = [new for new, old in zip(respelled, toxic, strict=True) if new != old]
    prose = corpora.sample(corpora.prose(data, "valid"), 2000, 0)
    web = corpora.held_out_side(corpora.real_toxicity_prompts(data), lambda half: half.text)
    perspective = [half.toxic for half in web]
    return {
        "ParaDetox, rude words respelled: share above .5": mean_interval(
            [score > 0.5 for score in probabilities(folder, respelled, "toxicity")]
        ),
        "Clean prose: share above .5": mean_interval(
            [s > 0.5 for s in probabilities(folder, prose, "toxicity")]
        ),
        "RealToxicityPrompts halves: Spearman with Perspective": spearman(
            probabilities(folder, [half.text for half in web], "toxicity"), perspective
        ),
    }
