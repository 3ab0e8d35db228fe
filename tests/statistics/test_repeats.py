"""Intervals of a few repetitions."""

import numpy as np
import pytest

from detox_cli.statistics.repeats import repeats_interval


def test_the_interval_is_students():
    found = repeats_interval([0.40, 0.44, 0.45])  # scipy.stats.t.interval(0.95, 2, mean, sem)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx(
        (0.43, 0.36427, 0.49573, 3), abs=1e-4
    )
    assert found.deviation == pytest.approx(0.0264575)
    both_ends = repeats_interval([0.1, 0.9], (0, 1))
    assert (both_ends.mean, both_ends.low, both_ends.high, both_ends.n) == (0.5, 0, 1, 2)
    with pytest.raises(ValueError, match="no spread"):
        repeats_interval([0.4])


@pytest.mark.parametrize("n", [3, 40])
def test_it_holds_the_truth_as_often_as_it_says(n):
    draws = np.random.default_rng(0).normal(size=(4000, n))
    intervals = [repeats_interval(values) for values in draws.tolist()]
    share = np.mean([not interval.excludes(0.0) for interval in intervals])
    assert abs(share - 0.95) < 0.015
