"""The optimum is the optimum: its gradient vanishes, and others find the same."""

import numpy as np
import pytest

from detox_cli.statistics.discriminant import along, discriminant, mean_difference, shrunk_covariance
from detox_cli.statistics.logistic import GRADIENT, Standardised, class_weights, fit_logistic

RANDOM = np.random.default_rng(3)
N, D = 400, 6
MIXED = RANDOM.normal(size=(D, D)) * np.logspace(-2, 1, D)
X = RANDOM.normal(size=(N, D)) @ MIXED + 5
Y = RANDOM.random(N) < 1 / (1 + np.exp(-((X - X.mean(0)) / X.std(0) @ RANDOM.normal(size=D) - 1.5)))


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("l2", [1.0, 1e-3])
def test_no_other_point_is_better(balanced: bool, l2: float) -> None:
    from scipy.optimize import minimize

    weights = class_weights(Y, balanced)
    z, signs = (X - X.mean(0)) / X.std(0), np.where(Y, 1.0, -1.0)

    def objective(point: np.ndarray) -> float:
        losses = np.logaddexp(0, -signs * (z @ point[:-1] + point[-1]))
        return float((weights * losses).mean() + l2 / 2 * point[:-1] @ point[:-1])

    found = fit_logistic(Standardised(X), Y, l2, weights=weights)
    wanted = minimize(objective, np.zeros(D + 1), method="BFGS", options={"gtol": 1e-9})
    assert found.converged and found.gradient <= GRADIENT
    np.testing.assert_allclose(found.weights * X.std(0), wanted.x[:-1], atol=2e-4)
    np.testing.assert_allclose(found.scores(X), z @ wanted.x[:-1] + wanted.x[-1], atol=1e-3)


def test_a_start_and_single_precision_change_nothing_but_the_way() -> None:
    first = fit_logistic(Standardised(X), Y, 0.1)
    again = fit_logistic(Standardised(X.astype(np.float32)), Y, 0.01, start=first)
    np.testing.assert_allclose(again.scores(X), fit_logistic(Standardised(X), Y, 0.01).scores(X), atol=1e-2)


def test_columns_far_from_zero_lose_nothing_in_single_precision() -> None:
    shift = np.array([0, 3000, 0, -500, 0, 0]) * X.std(0)
    plain = fit_logistic(Standardised(X), Y, 1e-3)
    found = fit_logistic(Standardised((X + shift).astype(np.float32)), Y, 1e-3)
    assert found.converged
    np.testing.assert_allclose(found.scores(X + shift), plain.scores(X), atol=5e-3)


def test_the_optimum_is_reached_where_single_precision_hides_the_descent() -> None:
    for seed in (5, 18, 19, 26):  # where steps that the objective alone judges come to rest too early
        generator = np.random.default_rng(seed)
        x = generator.normal(size=(200, 64))
        mix = generator.normal(size=(64, 64)) * np.logspace(0, -1, 64)
        labels = (x @ mix)[:, 0] + generator.normal(size=200) > 1.5
        features = Standardised((x @ mix).astype(np.float32))
        found = fit_logistic(features, labels, 0.3, weights=class_weights(labels, True))
        assert found.converged and found.gradient < GRADIENT / 2


def test_a_column_that_does_not_vary_and_texts_that_separate() -> None:
    constant = np.hstack([X, np.full((N, 1), 7.0)])
    found = fit_logistic(Standardised(constant), X[:, 0] > 5, 1e-3)
    assert found.converged and np.isfinite(found.weights).all() and abs(found.weights[-1]) < 1e-5
    with pytest.raises(ValueError, match="both classes"):
        fit_logistic(Standardised(X), np.ones(N, dtype=bool), 0.1)


def test_the_discriminant_undoes_what_mixes_the_features() -> None:
    labels = RANDOM.random(4000) < 0.3
    plain = RANDOM.normal(size=(4000, D)) + labels[:, None] * np.eye(D)[0] * 2
    mix = (np.eye(D) + 0.4 * RANDOM.normal(size=(D, D))) * np.logspace(-1, 1, D)
    mixed = plain @ mix
    wanted = np.linalg.solve(mix, np.eye(D)[0])

    def cosine(found: np.ndarray) -> float:
        return float(found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted))

    assert cosine(discriminant(mixed, labels)) > 0.99 > 0.5 > cosine(mean_difference(mixed, labels))
    fit = along(mixed, labels, discriminant(mixed, labels), balanced=False)
    likely = 1 / (1 + np.exp(-fit.scores(mixed)))
    assert abs(likely.mean() - labels.mean()) < 1e-3


def test_few_rows_are_shrunk_until_they_can_be_inverted() -> None:
    few = RANDOM.normal(size=(5, 20))
    covariance = shrunk_covariance(few - few.mean(0))
    assert np.linalg.eigvalsh(covariance).min() > 0.1
