import numpy as np
import pytest
from scipy import stats

from detox_cli.statistics.agreement import (
    agreement,
    draw_cells,
    estimate,
    kendall,
    pairwise_accuracy,
    product_of_means,
    rank_correlation,
    rows_agreement,
    split_half,
)


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_those_of_scipy(ties):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 25)).round(0 if ties else 6)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert kendall(a, b) == pytest.approx(stats.kendalltau(a, b).statistic)


def test_a_column_that_does_not_vary_has_no_correlation():
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3])) and np.isnan(kendall([1, 1, 1], [1, 2, 3]))
    assert np.isnan(pairwise_accuracy([1, 2], [0.5, 0.55]))


def test_only_pairs_that_people_hold_apart_count_and_a_tie_counts_half():
    human = [0.9, 0.8, 0.75, 0.3]
    assert pairwise_accuracy([4, 3, 2, 1], human) == 1
    assert pairwise_accuracy([4, 2, 3, 1], human) == 1, "0.8 and 0.75 are too close to count"
    assert pairwise_accuracy([2, 2, 2, 1], human) == pytest.approx((0.5 + 0.5 + 3) / 5)


def test_a_cell_that_nobody_rated_is_left_out_of_the_means():
    scores = np.array([[[1.0, 0.5], [0.0, 0.5]], [[1.0, 1.0], [np.nan, np.nan]]])
    assert product_of_means(scores).tolist() == [0.25, 1.0]
    assert rows_agreement(scores, scores) == pytest.approx(1)


def truth(systems, sources, noise, seed=0):
    rng = np.random.default_rng(seed)
    quality = np.linspace(0.2, 0.8, systems)[:, None, None]
    return np.clip(quality + rng.normal(0, noise, (systems, sources, 1)), 0, 1)


def test_split_half_predicts_how_two_full_sets_agree():
    whole = truth(20, 80, 0.8)
    first, second = (product_of_means(part) for part in np.split(truth(20, 160, 0.8, seed=1), 2, axis=1))
    assert split_half(whole, splits=100) == pytest.approx(rank_correlation(first, second), abs=0.1)
    assert split_half(truth(20, 80, 0.01)) > 0.99


def test_draws_spread_over_sources_and_systems():
    human, measure = truth(12, 40, 0.9), truth(12, 40, 0.9, seed=5)

    def figures(chosen):
        return [agreement(measure[chosen], human[chosen]).spearman]

    drawn = draw_cells(12, 40, figures, seed=1, resamples=200)
    assert drawn.shape == (200, 1)
    assert np.array_equal(drawn, draw_cells(12, 40, figures, seed=1, resamples=200))
    found = estimate(agreement(measure, human).spearman, drawn[:, 0], 12)
    assert found.low < found.mean < found.high and found.n == 12
