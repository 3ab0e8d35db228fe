"""Differences of sums over sums: against brute force, and against plain tests where these are the same."""

from itertools import product

import numpy as np
import pytest

from detox_cli.statistics.bootstrap import mean_interval
from detox_cli.statistics.paired import permutation_p
from detox_cli.statistics.paired_ratios import Sums, drawn_figures, paired_figure


def compare(system, against, resamples=1000):
    return paired_figure(system, against, drawn_figures([system, against], resamples=resamples))


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_of_means_it_is_the_plain_paired_test(generator):
    a, b = generator.random(60), generator.random(60) + 0.1
    found = compare(Sums(a, np.ones(60)), Sums(b, np.ones(60)))
    assert found.p == pytest.approx(permutation_p(a - b), abs=1e-9)
    assert found.effect == pytest.approx((a - b).mean() / (a - b).std(ddof=1))
    assert found.better == (a < b).mean()
    plain = mean_interval(a - b)
    assert found.difference.mean == pytest.approx(plain.mean)
    assert (found.difference.low, found.difference.high) == pytest.approx((plain.low, plain.high), abs=0.02)


def test_of_perplexities_units_are_exchanged_with_their_tokens(generator):
    nats, tokens = generator.random((2, 7)) * 9, generator.integers(1, 9, (2, 7)).astype(float)
    found = compare(*(Sums(n, t, exponential=True) for n, t in zip(nats, tokens, strict=True)))
    assert found.mean == pytest.approx(np.exp(nats[0].sum() / tokens[0].sum()))
    gaps = []
    for swap in product((0, 1), repeat=7):
        first = [np.array([table[s][i] for i, s in enumerate(swap)]).sum() for table in (nats, tokens)]
        second = [np.array([table[1 - s][i] for i, s in enumerate(swap)]).sum() for table in (nats, tokens)]
        gaps.append(first[0] / first[1] - second[0] / second[1])
    assert found.p == pytest.approx((np.abs(gaps) >= abs(gaps[0]) - 1e-12).mean())


def test_a_false_alarm_is_as_rare_as_p_says(generator):
    alarms = 0
    for _ in range(200):
        tokens = generator.integers(5, 30, (2, 12)).astype(float)
        nats = tokens * generator.normal(3, 0.5, (2, 12))
        alarms += compare(Sums(nats[0], tokens[0]), Sums(nats[1], tokens[1]), resamples=2).p <= 0.05
    assert alarms <= 20


def test_the_same_system_twice_differs_by_nothing():
    one = Sums(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    found = compare(one, one)
    assert (found.p, found.effect, found.better, found.difference.mean) == (1.0, 0.0, 0.5, 0.0)


def test_what_cannot_be_compared_is_refused():
    some = Sums(np.ones(2), np.ones(2))
    for other in (Sums(np.ones(3), np.ones(3)), Sums(np.zeros(2), np.zeros(2))):
        with pytest.raises(ValueError):
            paired_figure(some, other, np.zeros((1, 2)))
