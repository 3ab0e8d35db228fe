"""Ratios of sums over rows that hang together in units, with bootstrap intervals that draw whole units.

Continuations of one prompt, and prompts that are translations of one sentence, are no independent evidence,
so a unit is drawn with all that belongs to it (Field & Welsh 2007). A mean over languages is computed in
every draw from the same units, since a sentence that is drawn is drawn in all its languages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.statistics.bootstrap import Estimate, drawn_counts
from detox_cli.statistics.ranking import Z95

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Ratio:
    """A figure that is a sum over a sum: per row what goes above and what goes below the line.

    A mean over rows has 1 below the line, a mean over samples their number, nats per token the tokens; a
    row that says nothing about the figure has 0 in both.

    Attributes:
        above: Shape [rows].
        below: Shape [rows], not negative.
        share: Whether the figure is a share in [0, 1]; it then has an interval of some width at 0 and at 1
            too.
        exponential: Whether exp of the ratio is the figure, as of a perplexity.
    """

    above: Floats
    below: Floats
    share: bool = False
    exponential: bool = False

    @property
    def n(self) -> int:
        """How many rows say something."""
        return int((self.below > 0).sum())

    def take(self, rows: Places) -> "Ratio":
        """The same figure of some rows."""
        return Ratio(self.above[rows], self.below[rows], self.share, self.exponential)


def ratio_intervals(
    ratios: Mapping[str, Ratio], units: Places, seed: int = 0, resamples: int = 1000
) -> dict[str, Estimate]:
    """Every figure with its 95 % interval; figures about which no row says anything are left out.

    Args:
        ratios: By name, all over the same rows.
        units: The unit of each row, a whole number from 0, shape [rows].
        seed: Of the draws.
        resamples: How many draws.
    """
    told = {name: ratio for name, ratio in ratios.items() if ratio.n}
    if not told:
        return {}
    dense = np.unique(units, return_inverse=True)[1]
    count = int(dense.max()) + 1
    above, below = (_by_unit([getattr(one, part) for one in told.values()], dense, count) for part in _PARTS)
    centre = above.sum(axis=0) / below.sum(axis=0)
    drawn = np.concatenate(
        [_divide(weights @ above, weights @ below) for weights in drawn_counts(count, seed, resamples)]
    )
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return {
        name: _estimate(ratio, (centre[i], low[i], high[i]), _units_told(ratio, dense))
        for i, (name, ratio) in enumerate(told.items())
    }


def macro_intervals(
    ratios: Mapping[str, Ratio], units: Places, groups: Sequence[Places], seed: int = 0, resamples: int = 1000
) -> dict[str, Estimate]:
    """The mean of each figure over ``groups`` of rows, such as languages, every one counting the same.

    A figure about which a group says nothing at all is left out: its mean would be one over other groups.
    A draw that leaves a group without its rows takes the mean over the others.
    """
    told = {name: ratio for name, ratio in ratios.items() if all(ratio.take(rows).n for rows in groups)}
    if not told or not groups:
        return {}
    dense = np.unique(units, return_inverse=True)[1]
    count, figures = int(dense.max()) + 1, len(told)
    parts = []
    for part in _PARTS:
        columns = [
            _by_unit([getattr(one, part)[rows] for one in told.values()], dense[rows], count)
            for rows in groups
        ]
        parts.append(np.concatenate(columns, axis=1))
    above, below = parts
    exponential = np.tile([one.exponential for one in told.values()], len(groups))
    centre = _mean(_figure(above.sum(axis=0) / below.sum(axis=0), exponential)[None], figures)[0]
    drawn = np.concatenate(
        [
            _mean(_figure(_divide(weights @ above, weights @ below), exponential), figures)
            for weights in drawn_counts(count, seed, resamples)
        ]
    )
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return {
        name: _bounded(ratio, centre[i], low[i], high[i], _units_told(ratio, dense), ratio.n)
        for i, (name, ratio) in enumerate(told.items())
    }


def quantile_intervals(
    values: Floats,
    owners: Places,
    units: Places,
    shares: Sequence[float],
    seed: int = 0,
    resamples: int = 1000,
) -> list[Estimate]:
    """Quantiles of all values, with 95 % intervals that respect the units (Woodruff 1952).

    The share of values up to the quantile gets an interval over units; its ends, as shares, are looked up
    among the values again. The quantile itself is the midpoint of its two neighbours where it lies between
    them.

    Args:
        values: Shape [values], finite.
        owners: The row that each value belongs to.
        units: The unit of each row.
        shares: Which quantiles, such as 0.5.
        seed: Of the draws.
        resamples: How many draws.

    Returns:
        One estimate per share; ``n`` counts values.

    Raises:
        ValueError: There are no values.
    """
    if not len(values):
        raise ValueError("no values to take a quantile of")
    centres = np.quantile(values, shares, method="midpoint")
    below = np.bincount(owners, minlength=len(units)).astype(np.float64)
    ratios = {
        str(i): Ratio(_count(owners, values <= centre, len(units)), below) for i, centre in enumerate(centres)
    }
    found = ratio_intervals(ratios, units, seed, resamples)
    ends = []
    for i, (share, centre) in enumerate(zip(shares, centres, strict=True)):
        one = found[str(i)]
        spread = np.clip([share - (one.high - one.mean), share + (one.mean - one.low)], 0, 1)
        low, high = np.quantile(values, spread, method="midpoint")
        ends.append(
            Estimate(
                float(centre), min(float(low), float(centre)), max(float(high), float(centre)), len(values)
            )
        )
    return ends


def macro_median(
    values: Floats,
    owners: Places,
    units: Places,
    groups: Sequence[Places],
    seed: int = 0,
    resamples: int = 1000,
) -> Estimate | None:
    """The mean over groups of rows of the median of each group's values, with its 95 % interval over units.

    The median is the midpoint of its two neighbours; in a draw, where units count several times, it is the
    first value that half of the weight does not exceed.

    Args:
        values: Shape [values], finite.
        owners: The row that each value belongs to.
        units: The unit of each row.
        groups: The rows of each group, such as a language.
        seed: Of the draws.
        resamples: How many draws.

    Returns:
        The estimate, whose ``n`` counts values; ``None`` if a group has none.
    """
    dense = np.unique(units, return_inverse=True)[1]
    parts: list[tuple[Floats, Places]] = []
    for rows in groups:
        member = np.zeros(len(units), dtype=bool)
        member[rows] = True
        mine = np.flatnonzero(member[owners])
        order = mine[np.argsort(values[mine], kind="stable")]
        if not len(order):
            return None
        parts.append((values[order], dense[owners[order]]))
    centre = float(np.mean([np.quantile(some, 0.5, method="midpoint") for some, _ in parts]))
    drawn = [
        _mean_of_medians(parts, weights)
        for block in drawn_counts(int(dense.max()) + 1, seed, resamples)
        for weights in block
    ]
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Estimate(centre, min(float(low), centre), max(float(high), centre), len(values))


def _mean_of_medians(parts: Sequence[tuple[Floats, Places]], weights: Floats) -> float:
    """Of one draw; a group without any of its units says nothing in it."""
    medians = [_weighted_median(values, weights[units]) for values, units in parts]
    told = [median for median in medians if median == median]
    return float(np.mean(told)) if told else float("nan")


def _weighted_median(ordered: Floats, weights: Floats) -> float:
    reached = np.cumsum(weights)
    if not reached[-1]:
        return float("nan")
    return float(ordered[np.searchsorted(reached, reached[-1] / 2)])


_PARTS = ("above", "below")


def _count(owners: Places, chosen: NDArray[np.bool_], rows: int) -> Floats:
    return np.bincount(owners[chosen], minlength=rows).astype(np.float64)


def _by_unit(columns: Sequence[Floats], units: Places, count: int) -> Floats:
    """The sums over each unit's rows, shape [units, columns]."""
    return np.stack([np.bincount(units, weights=column, minlength=count) for column in columns], axis=1)


def _divide(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _figure(ratio: Floats, exponential: NDArray[np.bool_]) -> Floats:
    return np.where(exponential, np.exp(np.minimum(ratio, 690.0)), ratio)


def _mean(table: Floats, figures: int) -> Floats:
    """The mean over groups of [draws, groups * figures], shape [draws, figures]."""
    parts = table.reshape(len(table), -1, figures)
    told = np.isfinite(parts).sum(axis=1).astype(np.float64)
    return _divide(np.nansum(parts, axis=1), told)


def _units_told(ratio: Ratio, units: Places) -> int:
    return len(np.unique(units[ratio.below > 0]))


def _estimate(ratio: Ratio, ends: tuple[float, float, float], units: int) -> Estimate:
    centre, low, high = (float(np.exp(min(end, 690.0)) if ratio.exponential else end) for end in ends)
    return _bounded(ratio, centre, low, high, units, ratio.n)


def _bounded(ratio: Ratio, centre: float, low: float, high: float, units: int, n: int) -> Estimate:
    """A share of 0 or 1 in every draw leaves room for what was not seen: Wilson's interval over units."""
    if ratio.share and low == high and centre in (0.0, 1.0):
        room = Z95**2 / (units + Z95**2)
        low, high = (0.0, room) if centre == 0 else (1 - room, 1.0)
    return Estimate(float(centre), float(low), float(high), n)
