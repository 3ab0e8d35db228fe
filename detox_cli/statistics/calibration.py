"""How well scores separate two classes, and how far they can be read as probabilities."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detox_cli.statistics.bootstrap import Estimate, drawn_counts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BINS = 15
"""Bins of equal width in [0, 1] (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""


def average_precision(scores: ArrayLike, labels: ArrayLike, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean precision over the positives, each at the threshold of its own score, with its 95 % interval.

    Sum over thresholds of (recall_k - recall_(k-1)) precision_k; equal scores have one threshold. Percentile
    bootstrap over rows; draws without a positive are left out.

    Raises:
        ValueError: Unequal lengths, a score that is not finite, or no positive.
    """
    values, positive = _checked(scores, labels)
    if not positive.any():
        raise ValueError("average precision needs a positive")
    order = np.argsort(-values, kind="stable")
    hits = positive[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)

    def statistic(counts: Floats) -> Floats:
        true = np.cumsum(counts * hits, axis=1)[:, ends]
        asked = np.cumsum(counts, axis=1)[:, ends]
        gained = np.diff(true, axis=1, prepend=0.0)
        total = np.where(true[:, -1:] > 0, true[:, -1:], np.nan)
        precision = np.divide(true, asked, out=np.zeros_like(true), where=asked > 0)
        return np.asarray((gained / total * precision).sum(axis=1))

    return _interval(len(values), statistic, seed, resamples)


def calibration_error(scores: ArrayLike, labels: ArrayLike, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The expected calibration error: mean of |share of positives - mean score| over bins, by their rows.

    Naeini et al. 2015, with ``BINS`` bins of equal width. Finite samples make it larger than it is, and draws
    of the bootstrap still more, by about as much again; so the interval is the basic one, the quantiles
    of the draws reflected about the figure (Davison & Hinkley 1997, equation 5.6), cut at 0.

    Raises:
        ValueError: Unequal lengths, no rows, or a score outside [0, 1].
    """
    values, positive = _checked(scores, labels)
    if values.min() < 0 or values.max() > 1:
        raise ValueError("only scores in [0, 1] can be read as probabilities")
    bins = np.minimum((values * BINS).astype(np.intp), BINS - 1)
    gaps = np.zeros((len(values), BINS))
    gaps[np.arange(len(values)), bins] = positive - values

    def statistic(counts: Floats) -> Floats:
        return np.asarray(np.abs(counts @ gaps).sum(axis=1) / len(values))

    return _interval(len(values), statistic, seed, resamples, reflected=True)


def balanced_accuracy(
    decisions: ArrayLike, labels: ArrayLike, seed: int = 0, resamples: int = 1000
) -> Estimate:
    """The mean of the shares of positives and of negatives that are decided rightly, with its 95 % interval.

    Raises:
        ValueError: Unequal lengths, or only one class.
    """
    decided, positive = _checked(decisions, labels)
    if positive.all() or not positive.any():
        raise ValueError("balanced accuracy needs both classes")
    right = (decided > 0) == positive

    def statistic(counts: Floats) -> Floats:
        shares = []
        for side in (positive, ~positive):
            total = (counts * side).sum(axis=1)
            shares.append((counts * (right & side)).sum(axis=1) / np.where(total > 0, total, np.nan))
        return np.asarray(np.mean(shares, axis=0))

    return _interval(len(decided), statistic, seed, resamples)


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Bools]:
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    if values.ndim != 1 or values.shape != positive.shape or not len(values) or not np.isfinite(values).all():
        raise ValueError("expected one finite score per label")
    return values, positive


def _interval(
    rows: int, statistic: Callable[[Floats], Floats], seed: int, resamples: int, *, reflected: bool = False
) -> Estimate:
    """The statistic with every row counted once, and the quantiles over draws of counts [draws, rows]."""
    value = float(statistic(np.ones((1, rows)))[0])
    drawn = np.concatenate([statistic(counts) for counts in drawn_counts(rows, seed, resamples)])
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    if reflected:
        low, high = max(0.0, 2 * value - high), 2 * value - low
    return Estimate(value, float(min(low, value)), float(max(high, value)), rows)
