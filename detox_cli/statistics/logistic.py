"""Logistic regression with an L2 penalty, solved to its optimum by Newton's method.

Each step solves the Newton equations by conjugate gradients (Nocedal & Wright 2006, algorithm 7.1), which
needs products of the features with vectors only, and halves steps that do not descend. What the Hessian is
where nothing is learnt yet (Böhning & Lindsay 1988) serves as preconditioner, so that correlated features
take no more steps than others. The objective is strictly convex, so a vanishing gradient certifies the one
optimum.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Features = NDArray[np.floating]

GRADIENT = 1e-5
"""The gradient's length, per row, at which the optimum counts as reached; features are in float32."""
ROUNDING = 1e-6
"""The share of the objective that float32 may hide; within it a smaller gradient is a descent as well."""
STEPS, INNER, HALVINGS = 60, 250, 30
ROWS = 1 << 13
"""Features that are counted with in double precision at a time."""


@dataclass(frozen=True)
class Fit:
    """A fitted model: score = weights . x + bias, with x as it is given.

    Attributes:
        weights: ``[d]``, for features as they are.
        bias: The constant.
        mean: Of the features, ``[d]``.
        scale: Their standard deviations, ``[d]``; 1 for one that does not vary.
        loss: Mean negative log-likelihood of the rows that it was fitted on, weighted by class.
        gradient: The length of the gradient that is left.
        converged: Whether it is below ``GRADIENT``.
    """

    weights: Floats
    bias: float
    mean: Floats
    scale: Floats
    loss: float
    gradient: float
    converged: bool

    def scores(self, features: Features) -> Floats:
        """The score of rows ``[n, d]``, shape ``[n]``."""
        parts = [
            features[first : first + ROWS].astype(np.float64) @ self.weights
            for first in range(0, len(features), ROWS)
        ]
        return np.concatenate([np.zeros(0), *parts]) + self.bias


def standardisation(features: Features) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column; a deviation of (nearly) nothing counts as 1."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    nothing = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-12)
    return mean, np.where(nothing, 1.0, deviation)


def class_weights(labels: NDArray[np.bool_], balanced: bool) -> Floats:
    """What each row counts, with mean 1; balanced, both classes count the same in sum."""
    if not balanced:
        return np.ones(len(labels))
    share = labels.mean()
    return np.asarray(np.where(labels, 0.5 / share, 0.5 / (1 - share)))


class Standardised:
    """Features ``[n, d]`` with every column at mean 0 and deviation 1, a copy in float32 or wider.

    They are centred before they are rounded: a few dimensions of hidden states are thousands of deviations
    away from 0, and products with them as they are would lose what varies.
    """

    def __init__(self, features: Features) -> None:
        self.mean, self.scale = standardisation(features)
        self.values = np.empty(features.shape, dtype=features.dtype)
        for first in range(0, len(features), ROWS):
            rows = slice(first, first + ROWS)
            self.values[rows] = (features[rows] - self.mean) / self.scale

    @cached_property
    def covariance(self) -> Floats:
        """Of the columns, ``[d, d]``."""
        squares = np.asarray(self.values.T @ self.values, dtype=np.float64)
        return np.asarray(squares / len(self.values))

    def scores(self, point: Floats) -> Floats:
        """``w . z + b`` of every row, for a point (w, b)."""
        found = self.values @ point[:-1].astype(self.values.dtype)
        return np.asarray(np.asarray(found, dtype=np.float64) + point[-1])

    def back(self, rows: Floats) -> Floats:
        """The transpose of ``scores`` times a vector ``[n]``."""
        found = rows.astype(self.values.dtype) @ self.values
        return np.append(np.asarray(found, dtype=np.float64), float(rows.sum()))


def fit_logistic(
    features: Standardised,
    labels: NDArray[np.bool_],
    l2: float,
    *,
    weights: Floats | None = None,
    start: Fit | None = None,
) -> Fit:
    """Fit mean_i c_i log(1 + exp(-y_i s_i)) + l2/2 |w|^2, with w for standardised features; the bias is free.

    Args:
        features: ``[n, d]``.
        labels: ``[n]``.
        l2: The penalty, per row.
        weights: What each row counts, c; 1 if not given.
        start: A fit of the same features from which to go on.

    Raises:
        ValueError: Only one class, or a penalty that is not positive.
    """
    if labels.all() or not labels.any() or l2 <= 0:
        raise ValueError("a logistic regression needs both classes and a positive penalty")
    problem = _Problem(features, labels, l2, np.ones(len(labels)) if weights is None else weights)
    point = np.zeros(len(features.mean) + 1)
    if start is not None:
        point[:-1] = start.weights * features.scale
        point[-1] = start.bias + float(features.mean @ start.weights)
    value, gradient, curvature = problem.at(point)
    for _ in range(STEPS):
        if float(np.linalg.norm(gradient)) <= GRADIENT:
            break
        step = problem.newton_step(curvature, gradient)
        slope, length = float(gradient @ step), 1.0
        for _ in range(HALVINGS):
            tried = problem.at(point + length * step)
            if tried[0] <= value + 1e-4 * length * slope or _nearer(tried, value, gradient):
                break
            length /= 2
        else:
            break  # rounding hides any further descent
        point = point + length * step
        value, gradient, curvature = tried
    left = float(np.linalg.norm(gradient))
    folded = point[:-1] / features.scale
    bias = float(point[-1] - features.mean @ folded)
    penalty = l2 / 2 * float(point[:-1] @ point[:-1])
    return Fit(folded, bias, features.mean, features.scale, value - penalty, left, left <= GRADIENT)


def _nearer(tried: tuple[float, Floats, Floats], value: float, gradient: Floats) -> bool:
    """Whether a step leads to a smaller gradient, where the objective cannot tell (Hager & Zhang 2005)."""
    same = abs(tried[0] - value) <= ROUNDING * abs(value)
    return same and float(np.linalg.norm(tried[1])) < float(np.linalg.norm(gradient))


class _Problem:
    """The objective at a point (w, b)."""

    def __init__(self, features: Standardised, labels: NDArray[np.bool_], l2: float, weights: Floats) -> None:
        self.features, self.l2, self.weights = features, l2, weights / len(labels)
        self.signs = np.where(labels, 1.0, -1.0)

    @cached_property
    def _inverse(self) -> Floats:
        """The inverse of the Hessian where all scores are zero, ``[d, d]``; the bias has 1/4 of its own."""
        identity = np.eye(len(self.features.mean))
        return np.asarray(np.linalg.inv(self.features.covariance / 4 + self.l2 * identity), np.float64)

    def at(self, point: Floats) -> tuple[float, Floats, Floats]:
        """The objective, its gradient, and what each row adds to the curvature."""
        margins = self.signs * self.features.scores(point)
        losses = np.logaddexp(0.0, -margins)
        wrong = np.exp(-np.logaddexp(0.0, margins))  # 1 - P(own label)
        value = float(self.weights @ losses) + self.l2 / 2 * float(point[:-1] @ point[:-1])
        gradient = self.features.back(-self.weights * self.signs * wrong)
        gradient[:-1] += self.l2 * point[:-1]
        return value, gradient, self.weights * wrong * (1 - wrong)

    def newton_step(self, curvature: Floats, gradient: Floats) -> Floats:
        """The Newton step, as exactly as the distance to the optimum asks for."""
        size = float(np.linalg.norm(gradient))
        enough = min(0.1, size**0.5) * size
        step, rest = np.zeros_like(gradient), -gradient
        better = self._preconditioned(rest)
        direction, product = better.copy(), float(rest @ better)
        for _ in range(INNER):
            if float(np.linalg.norm(rest)) <= enough:
                break
            turned = self._times_hessian(curvature, direction)
            bend = float(direction @ turned)
            if bend <= 0:
                break
            length = product / bend
            step, rest = step + length * direction, rest - length * turned
            better = self._preconditioned(rest)
            before, product = product, float(rest @ better)
            direction = better + (product / before) * direction
        return step if step.any() else -gradient

    def _times_hessian(self, curvature: Floats, vector: Floats) -> Floats:
        found = self.features.back(curvature * self.features.scores(vector))
        found[:-1] += self.l2 * vector[:-1]
        return found

    def _preconditioned(self, vector: Floats) -> Floats:
        return np.append(self._inverse @ vector[:-1], 4 * vector[-1])
