"""Order statistics against every subset there is."""

from itertools import combinations

import numpy as np
import pytest

from detox_cli.statistics.order import any_reaches, expected_maximum

SCORES = np.random.default_rng(7).random((6, 9))
SCORES[2] = 0.25
SCORES[3, :4] = SCORES[3, 4]  # ties


@pytest.mark.parametrize("k", range(1, 10))
def test_the_expected_maximum_is_the_mean_over_all_subsets(k: int) -> None:
    brute = [np.mean([max(chosen) for chosen in combinations(row, k)]) for row in SCORES]
    assert expected_maximum(SCORES, k) == pytest.approx(brute, abs=1e-12)


@pytest.mark.parametrize("k", range(1, 10))
def test_the_probability_is_the_share_of_subsets_with_a_hit(k: int) -> None:
    hit = SCORES >= 0.5
    brute = [np.mean([any(chosen) for chosen in combinations(row, k)]) for row in hit]
    assert any_reaches(hit.sum(axis=1), 9, k) == pytest.approx(brute, abs=1e-12)


def test_all_samples_give_the_published_form_and_one_the_mean() -> None:
    assert np.array_equal(expected_maximum(SCORES, 9), SCORES.max(axis=1))
    assert expected_maximum(SCORES, 1) == pytest.approx(SCORES.mean(axis=1), abs=1e-15)
    assert any_reaches([0, 1, 25], 25, 25).tolist() == [0.0, 1.0, 1.0]
    assert any_reaches([0, 1, 25], 25, 1) == pytest.approx([0.0, 0.04, 1.0])


def test_large_numbers_of_samples_stay_exact() -> None:
    many = np.linspace(0, 1, 1000)[None, :]
    assert expected_maximum(many, 1)[0] == pytest.approx(0.5)
    assert expected_maximum(many, 999)[0] == pytest.approx(1 - 1 / 999 / 1000, abs=1e-12)


@pytest.mark.parametrize(("scores", "k"), [(SCORES, 0), (SCORES, 10), ([[0.1, float("nan")]], 1), ([0.5], 1)])
def test_what_cannot_be_drawn_is_an_error(scores: object, k: int) -> None:
    with pytest.raises(ValueError, match=r"k is|finite"):
        expected_maximum(scores, k)


def test_counts_that_cannot_be_are_errors() -> None:
    for hits, m, k in (([26], 25, 1), ([-1], 25, 1), ([1], 25, 26)):
        with pytest.raises(ValueError, match=r"count|samples"):
            any_reaches(hits, m, k)
