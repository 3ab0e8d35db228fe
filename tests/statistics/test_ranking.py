import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pandas import Series

from detox_cli.statistics.ranking import auroc, average_ranks, spearman

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60)


@given(ROWS)
def test_auroc_agrees_with_counting_pairs(rows):
    scores, labels = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    assume(labels.any() and not labels.all())
    gaps = scores[labels][:, None] - scores[~labels][None]
    counted = ((gaps > 0) + 0.5 * (gaps == 0)).mean()
    area = auroc(scores, labels)
    assert area.mean == pytest.approx(counted)
    assert 0 <= area.low <= area.mean + 1e-12 and area.mean - 1e-12 <= area.high <= 1


def test_auroc_interval_covers_the_truth_as_often_as_it_says():
    generator, truth, hits = np.random.default_rng(0), 0.7602, 0  # P(N(1,1) > N(0,1)) = Phi(1/sqrt 2)
    labels = np.repeat([True, False], [40, 80])
    for _ in range(400):
        scores = np.concatenate([generator.normal(1, 1, 40), generator.normal(0, 1, 80)])
        hits += not auroc(scores, labels).excludes(truth)
    assert 0.91 <= hits / 400 <= 0.98


def test_one_class_has_no_curve():
    with pytest.raises(ValueError, match="both classes"):
        auroc([0.1, 0.2], [True, True])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=50))
def test_spearman_is_the_correlation_of_average_ranks(rows):
    a, b = zip(*rows, strict=True)
    assume(len(set(a)) > 1 and len(set(b)) > 1)
    rho = spearman(a, b)
    expected = Series(a).rank().corr(Series(b).rank())
    assert rho.mean == pytest.approx(expected, abs=1e-12)
    assert -1 <= rho.low <= rho.mean + 1e-9 and rho.mean - 1e-9 <= rho.high <= 1


def test_a_column_that_does_not_vary_is_an_error():
    with pytest.raises(ValueError, match="does not vary"):
        spearman([1, 1, 1, 1], [1, 2, 3, 4])


def test_equal_values_share_their_ranks():
    assert average_ranks([3, 1, 3, 2]).tolist() == [3.5, 1, 3.5, 2]
