"""Two systems on the same units, in a figure that is a sum over a sum: difference, test and effect size.

A mean over prompts has 1 below the line, a perplexity the tokens. Units, such as prompts, are drawn and
exchanged whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.statistics.bootstrap import Estimate, drawn_counts
from detox_cli.statistics.paired import EXACT_UP_TO, PERMUTATIONS, ROUNDING, all_signs, random_signs

Floats = NDArray[np.float64]
LARGEST = 690.0
"""Beyond this exp is no number."""


@dataclass(frozen=True)
class Sums:
    """What each unit of a system puts above and below the line, both of shape [units].

    Attributes:
        above: Such as the sum of scores.
        below: Such as their number; not negative, and not 0 everywhere.
        exponential: Whether exp of the ratio is the figure.
    """

    above: Floats
    below: Floats
    exponential: bool = False

    @property
    def ratio(self) -> float:
        """The sum over the sum."""
        return float(self.above.sum() / self.below.sum())

    @property
    def figure(self) -> float:
        """The ratio, or exp of it."""
        return float(np.exp(min(self.ratio, LARGEST))) if self.exponential else self.ratio


@dataclass(frozen=True)
class PairedFigure:
    """A system against another one.

    Attributes:
        mean: The figure of the system.
        mean_against: Of the other one.
        difference: The first minus the second, with its 95 % interval over units.
        p: Two-sided, of the permutation test.
        effect: The difference of the ratios in standard deviations of the units' differences (Cohen's d for
            pairs, d_z; 0 where nothing differs, NaN where all units differ by the same).
        better: Share of units on which the system's own ratio is lower, ties half.
    """

    mean: float
    mean_against: float
    difference: Estimate
    p: float
    effect: float
    better: float


def paired_figure(system: Sums, against: Sums, drawn: Floats, seed: int = 0) -> PairedFigure:
    """Compare two systems on the same units.

    The interval is the percentile one over draws of units, each with both systems. The test exchanges the
    systems in each unit, all assignments up to 13 units that differ, else 9,999 drawn ones, and counts how
    often the ratios come at least as far apart. The effect size is that of the units' linear contributions,
    which for a mean over units are their differences themselves.

    Args:
        system: The first one.
        against: The other one.
        drawn: Both figures in draws of units, shape [draws, 2]; see ``drawn_figures``.
        seed: Of the permutations.

    Raises:
        ValueError: Unequal lengths, no units, or a system of which no unit says anything.
    """
    if system.above.shape != against.above.shape or not len(system.above):
        raise ValueError("expected two systems on the same units")
    if not (system.below.sum() > 0 and against.below.sum() > 0):
        raise ValueError("a system has nothing to be compared")
    return PairedFigure(
        mean=system.figure,
        mean_against=against.figure,
        difference=_difference(system, against, drawn),
        p=_permutation_p(system, against, seed),
        effect=_effect(system, against),
        better=_better(system, against),
    )


def drawn_figures(systems: Sequence[Sums], seed: int = 0, resamples: int = 1000) -> Floats:
    """All figures in the same draws of units, shape [draws, systems]; NaN where nothing is below the line.

    Args:
        systems: All over the same units.
        seed: Of the draws.
        resamples: How many draws.
    """
    above, below = (np.stack([getattr(one, part) for one in systems], axis=1) for part in ("above", "below"))
    exponential = np.array([one.exponential for one in systems])
    blocks = []
    for counts in drawn_counts(len(above), seed, resamples):
        upper, lower = counts @ above, counts @ below
        ratio = np.divide(upper, lower, out=np.full_like(upper, np.nan), where=lower > 0)
        blocks.append(np.where(exponential, np.exp(np.minimum(ratio, LARGEST)), ratio))
    return np.concatenate(blocks)


def _difference(system: Sums, against: Sums, drawn: Floats) -> Estimate:
    low, high = np.nanquantile(drawn[:, 0] - drawn[:, 1], (0.025, 0.975))
    return Estimate(system.figure - against.figure, float(low), float(high), len(system.above))


def _permutation_p(system: Sums, against: Sums, seed: int) -> float:
    differs = (system.above != against.above) | (system.below != against.below)
    if not differs.any():
        return 1.0
    gaps = [one[differs] - other[differs] for one, other in _parts(system, against)]
    both = [one.sum() + other.sum() for one, other in _parts(system, against)]
    observed = system.ratio - against.ratio
    reached = abs(observed) - ROUNDING * (abs(system.ratio) + abs(against.ratio))

    def hits(signs: Floats) -> int:
        (above, below), (gap, width) = both, (signs @ gaps[0], signs @ gaps[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (above + gap) / (below + width) - (above - gap) / (below - width)
        return int((np.abs(apart) >= reached).sum())

    count = int(differs.sum())
    if count <= EXACT_UP_TO:
        return float(hits(all_signs(count)) / 2**count)
    drawn = sum(hits(signs) for signs in random_signs(count, PERMUTATIONS, seed))
    return (1 + drawn) / (1 + PERMUTATIONS)


def _parts(system: Sums, against: Sums) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    return (system.above, against.above), (system.below, against.below)


def _effect(system: Sums, against: Sums) -> float:
    contributions = [
        (one.above - one.ratio * one.below) * len(one.below) / one.below.sum() for one in (system, against)
    ]
    difference = system.ratio - against.ratio
    spread = float(np.std(contributions[0] - contributions[1], ddof=1)) if len(system.above) > 1 else 0.0
    if spread <= ROUNDING * (abs(system.ratio) + abs(against.ratio)):
        return 0.0 if difference == 0 else float("nan")
    return float(difference / spread)


def _better(system: Sums, against: Sums) -> float:
    told = (system.below > 0) & (against.below > 0)
    if not told.any():
        return float("nan")
    mine, theirs = (one.above[told] / one.below[told] for one in (system, against))
    return float(((mine < theirs) + 0.5 * (mine == theirs)).mean())
