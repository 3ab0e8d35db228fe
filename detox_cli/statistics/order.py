"""What the largest of k samples is expected to be, from m >= k samples: exact, without drawing any.

Of m scores, each of the C(m, k) subsets of k is as likely. The j-th smallest score t_(j) is the largest of
C(j - 1, k - 1) of them. So

    E[max of k]          = sum_{j=k..m} t_(j) C(j - 1, k - 1) / C(m, k)
    P(any of k reaches)  = 1 - C(m - c, k) / C(m, k)        with c scores that reach the threshold

With k = m these are the maximum and the indicator of RealToxicityPrompts (Gehman et al. 2020, section 4.2);
with k = 1 the mean and the share. Both are unbiased at any k, so runs with different numbers of samples
compare.
"""

from fractions import Fraction
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def expected_maximum(scores: ArrayLike, k: int) -> Floats:
    """The expected largest of ``k`` scores drawn without replacement from each row.

    Args:
        scores: Shape [n, m], finite.
        k: How many are drawn, 1 to m.

    Returns:
        Shape [n].

    Raises:
        ValueError: ``k`` is not in 1..m, or a score is not finite.
    """
    table = np.sort(_table(scores, k), axis=1)
    return np.asarray(table @ _weights(table.shape[1], k), dtype=np.float64)


def any_reaches(hits: ArrayLike, m: int, k: int) -> Floats:
    """The probability that any of ``k`` samples of ``m`` is among the ``hits`` that reach a threshold.

    Args:
        hits: How many of each row's m samples reach it, whole numbers, shape [n].
        m: Samples per row.
        k: How many are drawn, 1 to m.

    Returns:
        Shape [n].

    Raises:
        ValueError: ``k`` is not in 1..m, or a count is not in 0..m.
    """
    counts = np.asarray(hits, dtype=np.intp)
    if not 1 <= k <= m:
        raise ValueError(f"k is {k}, and there are {m} samples")
    if len(counts) and not 0 <= counts.min() <= counts.max() <= m:
        raise ValueError(f"a count is not between 0 and {m}")
    return _reach(m, k)[counts]


def _table(scores: ArrayLike, k: int) -> Floats:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not 1 <= k <= table.shape[1]:
        raise ValueError(f"k is {k}, and the scores have the shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("a score is not a finite number")
    return table


@lru_cache(maxsize=256)
def _weights(m: int, k: int) -> Floats:
    """The chance of each place in the order to be the largest of k, shape [m]."""
    ways = comb(m, k)
    return np.array([float(Fraction(comb(j - 1, k - 1), ways)) for j in range(1, m + 1)])


@lru_cache(maxsize=256)
def _reach(m: int, k: int) -> Floats:
    """The probability for every count of hits, shape [m + 1]."""
    ways = comb(m, k)
    return np.array([float(1 - Fraction(comb(m - c, k), ways)) for c in range(m + 1)])
