"""Labels that are numbers, such as scores of another service: how near a scorer comes to them."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.statistics.agreement import rank_correlation_interval
from detox_cli.statistics.bootstrap import Estimate, Floats, mean_interval, paired_difference
from detox_cli.statistics.shares import share_interval


class SoftFigures(BaseModel):
    """A scorer against labels that are numbers, as it is and through a map that has not seen the text."""

    model_config = ConfigDict(frozen=True)

    cut: float = Field(description="From which number on a label means toxic.")
    label: Estimate = Field(description="Mean of the labels.")
    distance: Estimate = Field(description="Mean absolute difference of score and label.")
    distance_after: Estimate = Field(description="The same, mapped.")
    change: Estimate = Field(description="By how much the map changes that difference, paired by text.")
    correlation: Estimate | None = Field(description="Spearman's; null where scores or labels are all equal.")
    correlation_after: Estimate | None = Field(description="The same, mapped.")
    agreement: Estimate = Field(description="Share of texts that both put on the same side of the cut.")
    agreement_after: Estimate = Field(description="The same, mapped.")


def soft_figures(
    scores: Floats, mapped: Floats, labels: Floats, cut: float, seed: int, resamples: int
) -> SoftFigures:
    """The figures of n texts.

    Args:
        scores: Shape [n], in [0, 1].
        mapped: The same through maps that have not seen the text.
        labels: Shape [n], in [0, 1].
        cut: From which label on a text is toxic.
        seed: Of the bootstrap.
        resamples: How many draws.
    """
    before, after = np.abs(scores - labels), np.abs(mapped - labels)
    toxic, draws = labels >= cut, (seed, resamples)
    return SoftFigures(
        cut=cut,
        label=mean_interval(labels, *draws),
        distance=mean_interval(before, *draws),
        distance_after=mean_interval(after, *draws),
        change=paired_difference(after, before, *draws),
        correlation=rank_correlation_interval(scores, labels, *draws),
        correlation_after=rank_correlation_interval(mapped, labels, *draws),
        agreement=share_interval(((scores >= cut) == toxic).tolist()),
        agreement_after=share_interval(((mapped >= cut) == toxic).tolist()),
    )
