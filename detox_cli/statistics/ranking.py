"""How well scores rank: area under the ROC curve and correlations, ties handled, with intervals."""

from math import atanh, exp, log, sqrt, tanh

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detox_cli.statistics.bootstrap import Estimate

Floats = NDArray[np.float64]

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def average_ranks(values: ArrayLike) -> Floats:
    """Ranks 1..n of ``values`` [n]; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(
        np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True
    )
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[inverse]


def auroc(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """The probability that a positive outscores a negative (a tie counts half), with its 95 % interval.

    The variance is DeLong, DeLong & Clarke-Pearson (1988), by the rank form of Sun & Xu (2014); the
    interval is taken on the logit scale, so that it stays within [0, 1].

    Args:
        scores: Shape [n], higher for positives.
        labels: Shape [n], true for positives.

    Raises:
        ValueError: Unequal lengths, a score that is not finite, or only one class.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    if values.shape != positive.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("expected one finite score per label")
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError("the area under the ROC curve needs both classes")
    ranks = average_ranks(values)
    above = (ranks[positive] - average_ranks(values[positive])) / n
    below = 1 - (ranks[~positive] - average_ranks(values[~positive])) / m
    area = float(above.mean())
    variance = sum(float(side.var(ddof=1)) / len(side) for side in (above, below) if len(side) > 1)
    return Estimate(area, *_logit_interval(area, sqrt(variance)), m + n)


def pearson(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Pearson's correlation with its 95 % interval (Fisher's z).

    Raises:
        ValueError: Unequal lengths, fewer than four rows, or a column that does not vary.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 4 or not (np.isfinite(x) & np.isfinite(y)).all():
        raise ValueError("expected two columns of at least four finite numbers")
    if x.min() == x.max() or y.min() == y.max():
        raise ValueError("a column that does not vary has no correlation")
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
    if abs(r) > 1 - 1e-12:
        return Estimate(r, r, r, len(x))
    half = Z95 / sqrt(len(x) - 3)
    return Estimate(r, tanh(atanh(r) - half), tanh(atanh(r) + half), len(x))


def spearman(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Spearman's rank correlation with its 95 % interval (Fisher's z; error of Bonett & Wright 2000).

    Raises:
        ValueError: Unequal lengths, fewer than four rows, or a column that does not vary.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 4 or not (np.isfinite(x) & np.isfinite(y)).all():
        raise ValueError("expected two columns of at least four finite numbers")
    if x.min() == x.max() or y.min() == y.max():
        raise ValueError("a column that does not vary has no rank correlation")
    rho = float(np.clip(np.corrcoef(average_ranks(x), average_ranks(y))[0, 1], -1, 1))
    if abs(rho) > 1 - 1e-12:
        return Estimate(rho, rho, rho, len(x))
    half = Z95 * sqrt((1 + rho**2 / 2) / (len(x) - 3))
    return Estimate(rho, tanh(atanh(rho) - half), tanh(atanh(rho) + half), len(x))


def _logit_interval(share: float, error: float) -> tuple[float, float]:
    if not 0 < share < 1:
        return share, share
    centre, half = log(share / (1 - share)), Z95 * error / (share * (1 - share))
    return _inverse_logit(centre - half), _inverse_logit(centre + half)


def _inverse_logit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
