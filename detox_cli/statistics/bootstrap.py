"""Bootstrap confidence intervals of means, of products of means and of paired differences.

Percentile intervals (Efron 1979): rows are drawn with replacement, the statistic is computed on every
draw, and the interval is cut off at its 2.5 % and 97.5 % quantiles. The percentile method is used, and not
BCa, because the statistics here are means of bounded scores over many rows, where the two agree, and because
it stays defined when all values are equal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Floats = NDArray[np.float64]

CELLS_AT_ONCE = 2_000_000
"""Drawn cells held in memory at a time, about 16 MB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of ``n`` rows and its 95 % interval; that of a single row is none (`has_interval`).

    A single row keeps its value as both ends for pictures and sums; in documents they are null (`parts`).
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return self.written(".3f")

    @property
    def has_interval(self) -> bool:
        """Whether there is one: a single row says nothing about others, however often it is drawn."""
        return self.n > 1 or self.low < self.high

    def written(self, form: str, times: float = 1) -> str:
        """``0.5 [0.4, 0.6]``, every number in ``form``, or ``0.5 (n = 1)``; all multiplied by ``times``."""
        mean, low, high = (f"{times * value:{form}}" for value in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]" if self.has_interval else f"{mean} (n = {self.n})"

    def parts(self) -> dict[str, float | int | None]:
        """What documents and tables have of it, by name."""
        low, high = (self.low, self.high) if self.has_interval else (None, None)
        return {"mean": self.mean, "low": low, "high": high, "n": self.n}

    @classmethod
    def of_parts(cls, parts: Mapping[str, Any]) -> "Estimate":
        """What a document says."""
        return cls(**_with_ends(parts))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(_document)
        return core_schema.no_info_before_validator_function(
            _with_ends, handler(source), serialization=written
        )

    def excludes(self, value: float) -> bool:
        """Whether there is an interval, and ``value`` lies outside."""
        return self.has_interval and (value < self.low or value > self.high)


def _document(estimate: Estimate) -> dict[str, Any]:
    return asdict(estimate) | estimate.parts()


def _with_ends(parts: Any) -> Any:
    if not isinstance(parts, Mapping):
        return parts
    alone = {end: parts["mean"] for end in ("low", "high") if end in parts and parts[end] is None}
    return {**parts, **alone}


def mean_interval(values: ArrayLike, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of ``values``, shape [n], with its 95 % interval.

    Raises:
        ValueError: ``values`` is empty or holds something that is not finite.
    """
    return _interval([values], lambda means: means[:, 0], seed, resamples)


def product_of_means_interval(columns: Sequence[ArrayLike], seed: int = 0, resamples: int = 1000) -> Estimate:
    """The product of the columns' means, with its 95 % interval; rows are drawn together.

    This is how the human J of PseudoParaDetox and of CLEF TextDetox 2024 is aggregated.

    Args:
        columns: Scores of the same n rows, each of shape [n].
        seed: Of the draws.
        resamples: How many draws.

    Raises:
        ValueError: No columns, unequal lengths, no rows, or a value that is not finite.
    """
    return _interval(columns, lambda means: means.prod(axis=1), seed, resamples)


def mean_interval_of_units(
    sums: ArrayLike, counts: ArrayLike, seed: int = 0, resamples: int = 1000
) -> Estimate:
    """The mean over rows that belong to units, with its 95 % interval: units are drawn, not rows.

    Rows of one unit, such as rewrites of the same sentence, are no independent evidence. With one row in each
    unit this is ``mean_interval``.

    Args:
        sums: The sum of each unit's rows, shape [units].
        counts: How many rows each has, shape [units].
        seed: Of the draws.
        resamples: How many draws.

    Returns:
        The estimate; its ``n`` is the number of units.

    Raises:
        ValueError: Unequal lengths, no units, or a value that is not finite.
    """
    return _interval([sums, counts], lambda means: means[:, 0] / means[:, 1], seed, resamples)


def mean_of_groups_interval(groups: Sequence[ArrayLike], seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of the groups' means, each group counting the same, with its 95 % interval.

    Rows are drawn within their group, each group independently of the others.

    Args:
        groups: The values of each group, such as a language.
        seed: Of the draws.
        resamples: How many draws.

    Returns:
        The estimate; its ``n`` is the number of rows of all groups.

    Raises:
        ValueError: No groups, one without rows, or a value that is not finite.
    """
    rows = [_matrix([group]) for group in groups]
    if not rows:
        raise ValueError("no groups to take a mean of")
    drawn = [np.concatenate(list(_drawn_means(group, seed + i, resamples))) for i, group in enumerate(rows)]
    low, high = np.quantile(np.mean(drawn, axis=0), (0.025, 0.975))
    centre = np.mean([group.mean() for group in rows])
    return Estimate(float(centre), float(low), float(high), sum(map(len, rows)))


def paired_difference(a: ArrayLike, b: ArrayLike, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of ``a - b`` over the same rows, with its 95 % interval; each row is drawn with its pair.

    Raises:
        ValueError: Unequal lengths, no rows, or a value that is not finite.
    """
    first, second = _matrix([a, b]).T
    return mean_interval(first - second, seed, resamples)


def drawn_means(columns: Sequence[ArrayLike], seed: int = 0, resamples: int = 1000) -> Floats:
    """The means of k columns in every draw of their n rows, shape [resamples, k]; rows are drawn together.

    For statistics of which the share of draws counts in which something holds.

    Raises:
        ValueError: No columns, unequal lengths, no rows, or a value that is not finite.
    """
    return np.concatenate(list(_drawn_means(_matrix(columns), seed, resamples)))


def drawn_counts(rows: int, seed: int = 0, resamples: int = 1000) -> Iterator[Floats]:
    """How often each of ``rows`` rows is in a draw, in blocks of shape [draws, rows].

    For statistics that are not means; the sums of a draw are counts @ columns.
    """
    generator = np.random.default_rng(seed)
    block = max(1, CELLS_AT_ONCE // rows)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        chosen = generator.integers(rows, size=(size, rows)) + np.arange(size)[:, None] * rows
        yield np.bincount(chosen.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def _interval(
    columns: Sequence[ArrayLike], statistic: Callable[[Floats], Floats], seed: int, resamples: int
) -> Estimate:
    rows = _matrix(columns)
    drawn = np.concatenate([statistic(means) for means in _drawn_means(rows, seed, resamples)])
    low, high = np.quantile(drawn, (0.025, 0.975))
    centre = statistic(rows.mean(axis=0, keepdims=True))[0]
    return Estimate(float(centre), float(low), float(high), len(rows))


def _drawn_means(rows: Floats, seed: int, resamples: int) -> Iterator[Floats]:
    """Means of ``resamples`` draws of ``rows`` [n, k], in blocks of shape [draws, k]."""
    generator = np.random.default_rng(seed)
    block = max(1, CELLS_AT_ONCE // rows.size)
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        chosen = generator.integers(len(rows), size=(draws, len(rows)))
        yield np.stack([column[chosen].mean(axis=1) for column in rows.T], axis=1)


def _matrix(columns: Sequence[ArrayLike]) -> Floats:
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if not arrays or any(array.ndim != 1 for array in arrays):
        raise ValueError("expected one or more columns of numbers")
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"columns of unequal length: {[len(array) for array in arrays]}")
    rows = np.stack(arrays, axis=1)
    if not len(rows):
        raise ValueError("no rows to take a mean of")
    if not np.isfinite(rows).all():
        raise ValueError("a score is not a finite number")
    return rows
