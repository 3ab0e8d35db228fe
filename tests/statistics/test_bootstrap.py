import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from detox_cli.statistics.bootstrap import (
    CELLS_AT_ONCE,
    Estimate,
    mean_interval,
    mean_of_groups_interval,
    paired_difference,
    product_of_means_interval,
)
from detox_cli.statistics.repeats import Repeats, repeats_interval

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(SCORES)
def test_interval_lies_within_the_data_and_is_ordered(values):
    estimate = mean_interval(values, resamples=200)
    assert estimate.n == len(values)
    assert estimate.mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-12 <= estimate.low <= estimate.high <= max(values) + 1e-12


@given(SCORES, st.integers(0, 5))
def test_a_seed_settles_every_digit(values, seed):
    assert mean_interval(values, seed, 100) == mean_interval(values, seed, 100)


@given(SCORES, st.floats(-3, 3), st.floats(0.1, 3))
def test_interval_follows_a_change_of_unit(values, shift, scale):
    plain = mean_interval(values, resamples=100)
    moved = mean_interval(np.asarray(values) * scale + shift, resamples=100)
    expected = [plain.low * scale + shift, plain.high * scale + shift]
    assert [moved.low, moved.high] == pytest.approx(expected, abs=1e-9)


def test_intervals_cover_the_truth_as_often_as_they_say():
    draws = np.random.default_rng(1).beta(2, 5, size=(400, 60))
    hits = sum(not mean_interval(row, resamples=400).excludes(2 / 7) for row in draws)
    assert 0.91 <= hits / 400 <= 0.98


def test_width_is_that_of_the_normal_approximation_for_many_rows():
    values = np.random.default_rng(2).normal(0, 1, 4000)
    estimate = mean_interval(values, resamples=4000)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 / 4000**0.5, rel=0.06)


def test_pairing_removes_what_the_systems_share():
    generator = np.random.default_rng(3)
    difficulty = generator.uniform(0, 1, 300)
    a, b = difficulty + 0.02 + generator.normal(0, 0.01, 300), difficulty
    difference = paired_difference(a, b)
    assert difference.low > 0.015 and difference.high < 0.025
    assert not mean_interval(a).excludes(float(b.mean())), "unpaired, the same gap drowns"


@given(SCORES)
def test_a_system_does_not_differ_from_itself(values):
    same = paired_difference(values, values, resamples=50)
    assert (same.mean, same.low, same.high) == (0, 0, 0)


@given(SCORES)
def test_product_over_one_column_is_the_mean(values):
    product, mean = product_of_means_interval([values], resamples=100), mean_interval(values, resamples=100)
    assert [product.mean, product.low, product.high] == pytest.approx([mean.mean, mean.low, mean.high])


def test_product_of_means_draws_rows_together():
    a = np.random.default_rng(4).uniform(0, 1, 200)
    balanced = product_of_means_interval([a, a])
    opposed = product_of_means_interval([a, 1 - a])
    assert balanced.mean == pytest.approx(a.mean() ** 2)
    assert opposed.high - opposed.low < 0.2 * (balanced.high - balanced.low)


def test_draws_do_not_depend_on_how_many_fit_into_memory(monkeypatch):
    values = np.random.default_rng(5).uniform(size=50)
    whole = mean_interval(values)
    monkeypatch.setattr("detox_cli.statistics.bootstrap.CELLS_AT_ONCE", 120)
    assert CELLS_AT_ONCE > 120
    assert mean_interval(values) == whole


@pytest.mark.parametrize("columns", [[], [[]], [[1.0, 2.0], [1.0]], [[float("nan")]], [[float("inf"), 1.0]]])
def test_what_has_no_mean_is_an_error(columns):
    with pytest.raises(ValueError):
        product_of_means_interval(columns)


def test_groups_count_the_same_whatever_their_size():
    groups = [np.zeros(90), np.ones(10)]
    found = mean_of_groups_interval(groups)
    assert (found.mean, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 100)
    spread = mean_of_groups_interval([np.arange(50.0), np.arange(20.0)])
    assert spread.low < spread.mean == 17.0 < spread.high
    with pytest.raises(ValueError, match="no groups"):
        mean_of_groups_interval([])


@pytest.mark.parametrize(("values", "ends"), [([0.5], (None, None)), ([0.5, 0.5], (0.5, 0.5))])
def test_in_documents_a_single_row_has_no_interval(values, ends):
    estimate, document = mean_interval(values), TypeAdapter(Estimate)
    written = document.dump_python(estimate, mode="json")
    assert written == estimate.parts()
    assert (written["low"], written["high"], written["n"]) == (*ends, len(values))
    assert document.validate_python(written) == Estimate.of_parts(written) == estimate


def test_a_document_keeps_what_repetitions_have_beside_an_interval():
    estimate, document = repeats_interval([0.25, 0.5]), TypeAdapter(Repeats)
    assert document.validate_json(document.dump_json(estimate)) == estimate
