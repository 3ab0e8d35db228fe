"""Tests of paired differences: by exchanging signs, by counting signs, and corrected for their number."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detox_cli.statistics.bootstrap import CELLS_AT_ONCE

Floats = NDArray[np.float64]

PERMUTATIONS = 9_999
"""Random assignments of signs where there are too many to go through all."""
EXACT_UP_TO = 13
"""Differences other than 0 of which all assignments of signs are gone through: 2^13 = 8192 of them."""
ROUNDING = 1e-12
"""Sums this close, relative to the sum of all sizes, count as equal: the order of adding must not decide."""


def permutation_p(
    differences: ArrayLike, seed: int = 0, permutations: int = PERMUTATIONS, exact_up_to: int = EXACT_UP_TO
) -> float:
    """The two-sided p of the paired permutation test (Fisher 1935) that systems differ by nothing but chance.

    If two systems are exchangeable, each difference d_i could as well have had the other sign. The p is the
    share of assignments of signs s for which |sum of s_i d_i| is at least |sum of d_i|. Differences of 0
    change nothing and are left out. With up to ``exact_up_to`` others all 2^m assignments are gone through;
    with more, ``permutations`` are drawn, and p = (1 + how many reach it) / (1 + permutations), which counts
    the assignment that was observed (Davison & Hinkley 1997, equation 4.11) and so is never 0.

    Args:
        differences: One per independent unit, shape [n]: of a unit with several rows, their sum.
        seed: Of the draws.
        permutations: How many are drawn.
        exact_up_to: Up to how many differences all assignments are gone through.

    Raises:
        ValueError: There is no difference, or one is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("expected one or more finite differences")
    values = values[values != 0]
    if not len(values):
        return 1.0
    reached = abs(values.sum()) - ROUNDING * np.abs(values).sum()
    if len(values) <= exact_up_to:
        totals = all_signs(len(values)) @ values
        return float((np.abs(totals) >= reached).mean())
    hits = sum(
        int((np.abs(signs @ values) >= reached).sum())
        for signs in random_signs(len(values), permutations, seed)
    )
    return (1 + hits) / (1 + permutations)


def sign_test_p(wins: int, losses: int) -> float:
    """The two-sided p of the exact sign test: how surprising the split is if each side is as likely.

    Ties say nothing about who is better and are left out (Dixon & Mood 1946). p is twice the binomial
    probability of at most the smaller of the two counts, at most 1.

    Raises:
        ValueError: A count is negative.
    """
    if wins < 0 or losses < 0:
        raise ValueError("counts cannot be negative")
    n, term, tail = wins + losses, 1, 1
    for k in range(min(wins, losses)):
        term = term * (n - k) // (k + 1)
        tail += term
    return min(1.0, float(2 * tail / 2**n))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values of one family, adjusted so that any false alarm among them is as rare as they say.

    Holm (1979): the k-th smallest of m is multiplied by m - k + 1, and none may be smaller than the one
    before it. Valid however the tests depend on each other.

    Raises:
        ValueError: One is not between 0 and 1.
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError("a p value lies between 0 and 1")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = highest
    return adjusted


def sums_by_unit(values: ArrayLike, units: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """The sum of ``values`` and the number of rows of each unit, in the order of their first rows.

    Raises:
        ValueError: Unequal lengths.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if len(numbers) != len(units):
        raise ValueError(f"{len(numbers)} values and {len(units)} units")
    places: dict[Hashable, int] = {}
    which = np.array([places.setdefault(unit, len(places)) for unit in units], dtype=np.intp)
    sums = np.bincount(which, weights=numbers).astype(np.float64)  # of no rows at all it would be integers
    return sums, np.bincount(which).astype(np.float64)


def all_signs(count: int) -> Floats:
    """Every assignment of signs, shape [2^count, count]."""
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    return np.where(bits == 0, 1.0, -1.0).astype(np.float64)


def random_signs(count: int, permutations: int, seed: int) -> Iterator[Floats]:
    """Drawn assignments of signs, in blocks of shape [block, count]."""
    generator = np.random.default_rng(seed)
    block = max(1, CELLS_AT_ONCE // count)
    for start in range(0, permutations, block):
        size = (min(block, permutations - start), count)
        yield np.where(generator.integers(2, size=size, dtype=np.int8) == 0, 1.0, -1.0).astype(np.float64)
