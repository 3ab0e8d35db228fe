"""The rising map, average precision and calibration error, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from detox_cli.statistics.calibration import average_precision, balanced_accuracy, calibration_error
from detox_cli.statistics.isotonic import isotonic_map, pool_adjacent_violators

ROWS = st.lists(
    st.tuples(st.sampled_from(np.linspace(0, 1, 9).tolist()), st.booleans()), min_size=1, max_size=40
)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 4)), min_size=1, max_size=30))
def test_pooling_is_the_nearest_rising_sequence(pairs):
    values, weights = map(np.array, zip(*pairs, strict=True))
    expected = isotonic_regression(values, weights=weights).x
    assert pool_adjacent_violators(values, weights) == pytest.approx(expected, abs=1e-9)


@given(ROWS)
def test_the_map_never_falls_keeps_the_mean_and_is_best_of_all_rising_maps(rows):
    scores, labels = map(np.array, zip(*rows, strict=True))
    curve = isotonic_map(scores, labels)
    fitted = curve(scores)
    assert (np.diff(curve(np.linspace(-1, 2, 50))) >= 0).all() and 0 <= fitted.min() <= fitted.max() <= 1
    assert fitted.mean() == pytest.approx(labels.mean())
    rivals = [scores, np.full(len(scores), labels.mean()), (scores >= 0.5).astype(float)]
    assert all(((fitted - labels) ** 2).sum() <= ((rival - labels) ** 2).sum() + 1e-9 for rival in rivals)


@given(ROWS)
def test_the_share_of_positives_is_the_best_threshold_of_the_map(rows):
    scores, labels = map(np.array, zip(*rows, strict=True))
    if labels.all() or not labels.any():
        return
    fitted = isotonic_map(scores, labels)(scores)

    def accuracy(threshold):
        return ((fitted >= threshold)[labels].mean() + (fitted < threshold)[~labels].mean()) / 2

    best = max(accuracy(threshold) for threshold in [*fitted, 2.0])
    assert accuracy(labels.mean() - 1e-12) == pytest.approx(best)


@given(ROWS)
def test_average_precision_is_its_sum_over_thresholds(rows):
    scores, labels = map(np.array, zip(*rows, strict=True))
    if not labels.any():
        return
    expected, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        asked = scores >= threshold
        recall = labels[asked].sum() / labels.sum()
        expected += (recall - before) * labels[asked].mean()
        before = recall
    found = average_precision(scores, labels, resamples=20)
    assert found.mean == pytest.approx(expected) and found.low <= found.mean <= found.high
    assert found.n == len(rows)


@given(ROWS)
def test_calibration_error_is_the_weighted_gap_of_bins(rows):
    scores, labels = map(np.array, zip(*rows, strict=True))
    bins = [min(int(score * 15), 14) for score in scores]
    gaps = [abs(sum(labels[i] - scores[i] for i in range(len(bins)) if bins[i] == b)) for b in range(15)]
    assert calibration_error(scores, labels, resamples=20).mean == pytest.approx(sum(gaps) / len(rows))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator, hits = np.random.default_rng(0), 0
    for repeat in range(60):
        labels = generator.random(200) < 0.4
        decided = np.where(generator.random(200) < 0.8, labels, ~labels)
        found = balanced_accuracy(decided, labels, seed=repeat, resamples=300)
        hits += found.low <= 0.8 <= found.high
    assert 52 <= hits <= 60


def test_probabilities_that_hold_have_an_interval_near_nothing_and_others_do_not():
    generator = np.random.default_rng(1)
    scores = generator.random(3000)
    labels = generator.random(3000) < scores
    assert calibration_error(scores, labels).low < 0.01
    assert calibration_error(scores**3, labels).low > 0.1


def test_what_has_no_answer_is_refused():
    for wrong in (
        lambda: isotonic_map([0.5, float("nan")], [True, False]),
        lambda: average_precision([0.5], [False]),
        lambda: calibration_error([1.5], [True]),
        lambda: balanced_accuracy([1.0], [True]),
    ):
        with pytest.raises(ValueError):
            wrong()
