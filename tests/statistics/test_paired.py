import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detox_cli.statistics.bootstrap import mean_interval, mean_interval_of_units
from detox_cli.statistics.paired import holm, permutation_p, sign_test_p, sums_by_unit

DIFFERENCES = st.lists(st.integers(-9, 9), min_size=1, max_size=9)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Heights of crossed minus self-fertilised maize, in eighths of an inch: Fisher's example."""


def test_fishers_own_example():
    # The Design of Experiments (1935), section 21: 1,726 of the 32,768 assignments are as extreme.
    assert permutation_p(DARWIN, exact_up_to=15) == 1726 / 32768
    drawn = permutation_p(DARWIN)
    assert drawn == permutation_p(DARWIN), "a seed gives the same p again"
    assert drawn == pytest.approx(1726 / 32768, abs=4 * math.sqrt(0.0527 * 0.9473 / 9999))
    assert drawn != permutation_p(DARWIN, seed=1)


@given(DIFFERENCES)
def test_the_exact_p_counts_all_assignments_of_signs(differences):
    totals = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    expected = sum(abs(total) >= abs(sum(differences)) for total in totals) / len(totals)
    assert permutation_p(differences) == pytest.approx(expected)
    assert permutation_p([d / 7 for d in differences]) == pytest.approx(expected), "rounding decides nothing"
    assert permutation_p([-d for d in differences]) == pytest.approx(expected)
    assert permutation_p([*differences, 0]) == pytest.approx(expected)


def test_false_alarms_are_as_rare_as_the_p_says():
    generator = np.random.default_rng(0)
    alarms = sum(permutation_p(generator.normal(size=30), permutations=199) <= 0.05 for _ in range(1000))
    assert 30 <= alarms <= 72  # 50 are expected; both ends are three standard errors away


def test_no_difference_is_no_evidence_and_bad_numbers_are_refused():
    assert permutation_p([0.0, 0.0]) == 1
    assert permutation_p([1.0] * 5000) == 1 / 10_000, "never 0"
    for wrong in ([], [float("nan")], [[1.0]]):
        with pytest.raises(ValueError):
            permutation_p(wrong)


def test_sign_test_has_the_values_of_binomial_tables():
    # Two-sided tails of the binomial with one half, such as in Siegel (1956), table D.
    for wins, losses, p in [(8, 2, 0.109375), (2, 8, 0.109375), (10, 0, 0.001953125), (9, 1, 0.021484375)]:
        assert sign_test_p(wins, losses) == p
    assert sign_test_p(0, 0) == sign_test_p(7, 7) == 1
    assert 0 < sign_test_p(5300, 4700) < 1e-8
    with pytest.raises(ValueError):
        sign_test_p(-1, 3)


@given(st.integers(0, 40), st.integers(0, 40))
def test_sign_test_is_the_permutation_test_of_signs(wins, losses):
    tail = sum(math.comb(wins + losses, k) for k in range(min(wins, losses) + 1))
    assert sign_test_p(wins, losses) == pytest.approx(min(1, 2 * tail / 2 ** (wins + losses)))
    if 0 < wins + losses <= 10:
        assert sign_test_p(wins, losses) == pytest.approx(permutation_p([1] * wins + [-1] * losses))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == [0.2] and holm([]) == []
    with pytest.raises(ValueError):
        holm([1.2])


@given(P_VALUES, st.randoms())
def test_holm_keeps_the_order_and_lies_between_the_p_and_bonferroni(p_values, random):
    adjusted = holm(p_values)
    for p, corrected in zip(p_values, adjusted, strict=True):
        assert p <= corrected <= min(1, p * len(p_values)) + 1e-12
    by_p = [corrected for _, corrected in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)
    places = list(range(len(p_values)))
    random.shuffle(places)
    assert holm([p_values[i] for i in places]) == pytest.approx([adjusted[i] for i in places])


def test_units_of_one_row_are_rows_and_copies_of_rows_add_no_certainty():
    values = np.random.default_rng(3).normal(size=50)
    alone = mean_interval(values)
    one = mean_interval_of_units(*sums_by_unit(values, range(50)))
    assert (one.mean, one.low, one.high) == pytest.approx((alone.mean, alone.low, alone.high))
    thrice = mean_interval_of_units(*sums_by_unit(np.repeat(values, 3), np.repeat(np.arange(50), 3).tolist()))
    assert (thrice.mean, thrice.low, thrice.high) == pytest.approx((alone.mean, alone.low, alone.high))
    assert thrice.n == 50
    naive = mean_interval(np.repeat(values, 3))
    assert naive.high - naive.low < 0.7 * (alone.high - alone.low)


def test_sums_by_unit_keep_the_order_of_first_rows():
    sums, counts = sums_by_unit([1.0, 2.0, 4.0], ["b", "a", "b"])
    assert sums.tolist() == [5.0, 2.0] and counts.tolist() == [2.0, 1.0]
    with pytest.raises(ValueError):
        sums_by_unit([1.0], ["a", "b"])
