"""Intervals over units: the plain bootstrap where every row is its own, wider where rows hang together."""

import numpy as np
import pytest

from detox_cli.statistics.bootstrap import mean_interval, mean_interval_of_units
from detox_cli.statistics.clusters import (
    Ratio,
    macro_intervals,
    macro_median,
    quantile_intervals,
    ratio_intervals,
)

GENERATOR = np.random.default_rng(3)
VALUES = GENERATOR.random(60)
ONES = np.ones(60)
OWN = np.arange(60)


def test_a_mean_of_independent_rows_is_the_plain_one() -> None:
    found = ratio_intervals({"a": Ratio(VALUES, ONES)}, OWN)["a"]
    assert (found.mean, found.low, found.high) == pytest.approx(
        (lambda one: (one.mean, one.low, one.high))(mean_interval(VALUES)), abs=1e-12
    )


def test_rows_of_one_unit_are_drawn_together() -> None:
    twice, units = np.repeat(VALUES[:30], 2), np.repeat(np.arange(30), 2)
    found = ratio_intervals({"a": Ratio(twice, ONES)}, units)["a"]
    wanted = mean_interval_of_units(VALUES[:30] * 2, np.full(30, 2.0))
    assert (found.mean, found.low, found.high) == pytest.approx((wanted.mean, wanted.low, wanted.high))
    apart = ratio_intervals({"a": Ratio(twice, ONES)}, OWN)["a"]
    assert found.high - found.low > 1.2 * (apart.high - apart.low)
    assert found.n == 60


def test_rows_that_say_nothing_do_not_count() -> None:
    below = (OWN < 20).astype(float)
    found = ratio_intervals({"a": Ratio(VALUES * below, below), "none": Ratio(ONES, 0 * ONES)}, OWN)
    assert list(found) == ["a"] and found["a"].n == 20
    assert found["a"].mean == pytest.approx(VALUES[:20].mean())


def test_a_share_never_seen_leaves_room_and_perplexity_is_exp() -> None:
    ratios = {"no": Ratio(0 * ONES, ONES, share=True), "e": Ratio(VALUES, ONES, exponential=True)}
    found = ratio_intervals(ratios, OWN)
    assert found["no"].low == 0 and 0.04 < found["no"].high < 0.1
    assert found["e"].mean == pytest.approx(np.exp(VALUES.mean()))


def test_every_group_counts_the_same_in_the_macro_mean() -> None:
    groups = [np.arange(10), np.arange(10, 60)]
    found = macro_intervals({"a": Ratio(VALUES, ONES)}, OWN, groups)["a"]
    assert found.mean == pytest.approx((VALUES[:10].mean() + VALUES[10:].mean()) / 2)
    assert found.low < found.mean < found.high
    half = (OWN < 10).astype(float)
    assert macro_intervals({"a": Ratio(VALUES * half, half)}, OWN, groups) == {}


def test_shared_units_widen_the_macro_mean() -> None:
    values = np.concatenate([VALUES[:30], VALUES[:30]])
    groups = [np.arange(30), np.arange(30, 60)]
    together = macro_intervals({"a": Ratio(values, ONES)}, OWN % 30, groups)["a"]
    apart = macro_intervals({"a": Ratio(values, ONES)}, OWN, groups)["a"]
    assert together.high - together.low > 1.2 * (apart.high - apart.low)


def test_quantiles_hold_their_interval() -> None:
    values, owners = np.sort(GENERATOR.random(600)), np.repeat(OWN, 10)
    (median,) = quantile_intervals(values, owners, OWN, [0.5])
    assert median.mean == pytest.approx((values[299] + values[300]) / 2) and median.n == 600
    shuffled = GENERATOR.permutation(values)
    (loose,) = quantile_intervals(shuffled, owners, OWN, [0.5])
    assert loose.high - loose.low < median.high - median.low  # sorted values hang together in their units
    assert loose.low < loose.mean < loose.high


def test_the_mean_of_medians_is_drawn_with_its_units() -> None:
    values, owners = GENERATOR.random(600), np.repeat(OWN, 10)
    groups = [np.arange(30), np.arange(30, 60)]
    medians = [np.median(values[np.isin(owners, rows)]) for rows in groups]
    found = macro_median(values, owners, OWN, groups)
    assert found is not None and found.mean == pytest.approx(np.mean(medians)) and found.n == 600
    drawn = []
    for _ in range(300):  # the same by drawing rows and taking medians of what they hold
        chosen = GENERATOR.integers(60, size=60)
        sides = [np.concatenate([values[owners == row] for row in chosen if row in rows]) for rows in groups]
        drawn.append(np.mean([np.median(side) for side in sides]))
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.01)
    assert macro_median(values[:300], owners[:300], OWN, groups) is None  # the second has none
