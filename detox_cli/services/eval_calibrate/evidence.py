"""What labels in one language say about a scorer: how well it separates, and what its scores are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.data.splits import split_fraction
from detox_cli.scoring.calibration import Evidence
from detox_cli.scoring.combined import HALF
from detox_cli.services.eval_calibrate.result import LanguageEvidence
from detox_cli.services.eval_calibrate.soft import soft_figures
from detox_cli.statistics.bootstrap import Floats
from detox_cli.statistics.calibration import average_precision, balanced_accuracy, calibration_error
from detox_cli.statistics.isotonic import isotonic_map
from detox_cli.statistics.ranking import auroc
from detox_cli.statistics.shares import share_interval

FOLDS = 5
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """The scores of labelled texts: higher for toxic ones, each in [0, 1].

    Attributes:
        texts: n texts.
        scores: Shape [n].
        toxic: Shape [n].
        values: What the map is fitted to, where labels are numbers; shape [n], in [0, 1].
        cut: From which of these numbers on a text is toxic.
    """

    texts: Sequence[str]
    scores: Floats
    toxic: Bools
    values: Floats | None = None
    cut: float = HALF

    def take(self, places: Sequence[int]) -> "Sample":
        """Some of the texts."""
        values = None if self.values is None else self.values[places]
        texts = [self.texts[place] for place in places]
        return Sample(texts, self.scores[places], self.toxic[places], values, self.cut)

    def has_both(self) -> bool:
        """Whether there are toxic texts and others."""
        return bool(self.toxic.any() and not self.toxic.all())


def fit(sample: Sample) -> Evidence:
    """The map and the threshold of all rows.

    The map is the isotonic one (Zadrozny & Elkan 2002); of labels that are numbers it gives their mean, and
    the threshold is that of the labels. Else the threshold is the share of toxic texts: with an
    isotonic map this is where balanced accuracy is highest on the rows it was fitted on, because there the
    likelihoods of both classes are equal.
    """
    if sample.values is None:
        curve, threshold = isotonic_map(sample.scores, sample.toxic), float(sample.toxic.mean())
    else:
        curve, threshold = isotonic_map(sample.scores, sample.values), sample.cut
    return Evidence(curve, threshold, len(sample.texts), int(sample.toxic.sum()))


def measure(
    lang: str, sample: Sample, seed: int, resamples: int, source: str | None = None
) -> tuple[LanguageEvidence, Floats]:
    """The figures of a language, and P(toxic) of every text by a map that has not seen it.

    Folds are drawn by the text itself, so a text that occurs twice is in one fold.
    """
    held_out, decided = _cross_fitted(sample, seed)
    both = sample.has_both()
    args = (sample.toxic, seed, resamples)
    figures = LanguageEvidence(
        lang=lang,
        source=source,
        texts=len(sample.texts),
        toxic=share_interval(sample.toxic.tolist()),
        auroc=auroc(sample.scores, sample.toxic) if both else None,
        average_precision=average_precision(sample.scores, *args) if sample.toxic.any() else None,
        error=calibration_error(sample.scores, *args),
        error_after=calibration_error(held_out, *args) if both and sample.values is None else None,
        accuracy_at_half=balanced_accuracy(sample.scores >= HALF, *args) if both else None,
        accuracy_after=balanced_accuracy(decided, *args) if both else None,
        soft=soft_figures(sample.scores, held_out, sample.values, sample.cut, seed, resamples)
        if sample.values is not None
        else None,
    )
    return figures, held_out


def _cross_fitted(sample: Sample, seed: int) -> tuple[Floats, Bools]:
    """P(toxic) and the decision for every text, from the other folds; NaN where these lack a class."""
    folds = np.array([int(FOLDS * split_fraction(text, f"calibrate|{seed}")) for text in sample.texts])
    probability, decided = np.full(len(folds), np.nan), np.zeros(len(folds), dtype=bool)
    for fold in range(FOLDS):
        mine, others = folds == fold, folds != fold
        if not mine.any():
            continue
        rest = sample.take(np.flatnonzero(others).tolist())
        if not rest.has_both():
            continue
        evidence = fit(rest)
        probability[mine] = evidence.curve(sample.scores[mine])
        decided[mine] = probability[mine] >= evidence.threshold
    if np.isnan(probability).any():  # too few texts to hold any out
        labels = sample.toxic if sample.values is None else sample.values
        return np.full(len(folds), float(labels.mean())), np.zeros(len(folds), dtype=bool)
    return probability, decided
