"""How well scores tell labelled texts apart: on texts as they come, and with both labels as often."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.calibration import average_precision, balanced_accuracy, calibration_error
from detox_cli.statistics.ranking import auroc
from detox_cli.statistics.shares import share_interval

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class ProbeFigures(BaseModel):
    """A probe on test texts."""

    model_config = ConfigDict(frozen=True)

    labelled: Estimate = Field(description="Share of texts that have the label.")
    accuracy: Estimate = Field(description="Share of texts decided rightly, at a score of 0.")
    balanced_accuracy: Estimate = Field(description="Mean of that share among both labels.")
    auroc: Estimate = Field(description="P(a text with the label scores above one without).")
    average_precision: Estimate
    error: Estimate = Field(description="Expected calibration error of sigmoid(score).")


def figures_of(scores: Floats, labels: Bools, seed: int, resamples: int) -> ProbeFigures:
    """All figures of scores ``[n]`` against labels ``[n]``, each with its interval."""
    likely = np.exp(-np.logaddexp(0.0, -scores))
    return ProbeFigures(
        labelled=share_interval(labels.tolist()),
        accuracy=share_interval(((scores > 0) == labels).tolist()),
        balanced_accuracy=balanced_accuracy(scores > 0, labels, seed, resamples),
        auroc=auroc(scores, labels),
        average_precision=average_precision(scores, labels, seed, resamples),
        error=calibration_error(likely, labels, seed, resamples),
    )


def balanced_part(labels: Bools, seed: int) -> NDArray[np.intp]:
    """Places of all texts of the rarer label and as many of the other, drawn without replacement."""
    generator = np.random.default_rng(seed)
    rare = bool(labels.sum() * 2 <= len(labels))
    few, many = np.flatnonzero(labels == rare), np.flatnonzero(labels != rare)
    return np.sort(np.concatenate([few, generator.choice(many, len(few), replace=False)]))


def area(scores: Floats, labels: Bools) -> float:
    """The AUROC alone."""
    return auroc(scores, labels).mean
