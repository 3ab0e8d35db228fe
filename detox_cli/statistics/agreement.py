"""How far a measure of systems agrees with people: rank correlations, decided pairs, and the ceiling.

Scores stand in arrays of shape [systems, sources, parts]; a cell that nobody rated is NaN in every part. A
system's human score is the product of its parts' means, as in CLEF TextDetox 2024; a measure has one part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detox_cli.statistics.bootstrap import Estimate, drawn_counts
from detox_cli.statistics.ranking import average_ranks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """What one draw says: Spearman, Kendall's tau-b, and the share of decided pairs; NaN if undefined."""

    spearman: float
    kendall: float
    pairs: float


def product_of_means(scores: Floats) -> Floats:
    """The product of the parts' means of each system, shape [systems]."""
    means: Floats = np.nanmean(scores, axis=1)
    return np.asarray(means.prod(axis=1), dtype=np.float64)


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's correlation of two columns; NaN where one of them does not vary."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.clip(np.corrcoef(average_ranks(x), average_ranks(y))[0, 1], -1, 1))


def rank_correlation_interval(
    a: ArrayLike, b: ArrayLike, seed: int = 0, resamples: int = 1000
) -> Estimate | None:
    """Spearman's correlation of two columns with its 95 % interval; nothing where one of them does not vary.

    Percentile bootstrap over rows; draws in which a column does not vary are left out.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    found = rank_correlation(x, y)
    if np.isnan(found):
        return None
    places = np.arange(len(x))
    blocks = drawn_counts(len(x), seed, resamples)
    chosen = (np.repeat(places, counts.astype(np.intp)) for block in blocks for counts in block)
    low, high = np.nanquantile([rank_correlation(x[rows], y[rows]) for rows in chosen], (0.025, 0.975))
    return Estimate(found, float(min(low, found)), float(max(high, found)), len(x))


def kendall(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's tau-b, which takes ties out of the norm (Kendall 1945); NaN where a column does not vary."""
    x, y = _signs(a), _signs(b)
    norm = np.sqrt(float(np.abs(x).sum()) * float(np.abs(y).sum()))
    return float((x * y).sum() / norm) if norm else float("nan")


def pairwise_accuracy(measure: ArrayLike, human: ArrayLike, gap: float = 0.1) -> float:
    """Of the pairs of systems that people hold at least ``gap`` apart, the share in the same order.

    A pair that the measure holds equal counts half. NaN where no pair is that far apart.
    """
    h = np.asarray(human, dtype=np.float64)
    rows, columns = np.triu_indices(len(h), 1)
    far = np.abs(h[rows] - h[columns]) >= gap - 1e-12
    if not far.any():
        return float("nan")
    same = (_signs(measure) * _signs(human) + 1) / 2
    return float(same[far].mean())


def agreement(measure: Floats, human: Floats, gap: float = 0.1) -> Agreement:
    """Agreement of systems' scores, both of shape [systems, sources, parts]."""
    a, b = product_of_means(measure), product_of_means(human)
    return Agreement(rank_correlation(a, b), kendall(a, b), pairwise_accuracy(a, b, gap))


def rows_agreement(measure: Floats, human: Floats) -> float:
    """Spearman's correlation of rated rows: the measure's product of parts with people's product of parts."""
    a, b = (scores.prod(axis=2).ravel() for scores in (measure, human))
    rated = np.isfinite(a) & np.isfinite(b)
    return rank_correlation(a[rated], b[rated])


def draw_cells(
    systems: int,
    sources: int,
    statistic: Callable[[tuple[NDArray[np.intp], ...]], Sequence[float]],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> Floats:
    """A statistic of resampled sources and systems, shape [resamples, figures].

    Both are drawn with replacement, so the spread is that of other sources and other systems.

    Args:
        systems: How many there are.
        sources: How many there are.
        statistic: Gets an index into the first two axes of the scores, and gives one or more figures; NaN
            where it is not defined.
        seed: Of the draws.
        resamples: How many draws.
    """
    generator, found = np.random.default_rng(seed), []
    for _ in range(resamples):
        rows, columns = generator.integers(systems, size=systems), generator.integers(sources, size=sources)
        found.append(statistic(np.ix_(rows, columns)))
    return np.asarray(found, dtype=np.float64)


def estimate(value: float, draws: ArrayLike, n: int) -> Estimate:
    """``value`` with the 95 % percentile interval of its draws; undefined draws are left out."""
    drawn = np.asarray(draws, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), n)


def split_half(human: Floats, seed: int = 0, splits: int = 300) -> float:
    """The reliability of systems' human scores, which no measure can be expected to pass.

    Sources are split in two halves at random, systems are ranked by each, and the mean Spearman correlation r
    of the halves becomes 2r / (1 + r): that of two sets of the full size (Spearman 1910, Brown 1910).
    """
    generator, sources = np.random.default_rng(seed), human.shape[1]
    found = []
    for _ in range(splits):
        order = generator.permutation(sources)
        halves = (order[: sources // 2], order[sources // 2 :])
        r = rank_correlation(*(product_of_means(human[:, half]) for half in halves))
        found.append(2 * r / (1 + r))
    return float(np.nanmean(found))


def _signs(values: ArrayLike) -> Floats:
    """1, 0 or -1 for each pair of values, shape [n, n] above the diagonal taken flat."""
    x = np.asarray(values, dtype=np.float64)
    rows, columns = np.triu_indices(len(x), 1)
    return np.sign(x[rows] - x[columns])
