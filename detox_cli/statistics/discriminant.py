"""Directions that need no iteration: the difference of two means, and Fisher's linear discriminant."""

import numpy as np
from numpy.typing import NDArray

from detox_cli.statistics.logistic import (
    Features,
    Fit,
    Standardised,
    class_weights,
    fit_logistic,
    standardisation,
)

Floats = NDArray[np.float64]
SLOPE_PENALTY = 1e-6


def mean_difference(features: Features, labels: NDArray[np.bool_]) -> Floats:
    """The mean of the labelled rows minus that of the others, ``[d]``."""
    positive = features[labels].mean(axis=0, dtype=np.float64)
    return np.asarray(positive - features[~labels].mean(axis=0, dtype=np.float64))


def discriminant(features: Features, labels: NDArray[np.bool_]) -> Floats:
    """Fisher's linear discriminant, ``S^-1 (m1 - m0)``, with the covariance within classes S shrunk.

    Of standardised features S is shrunk towards a multiple of the identity after Ledoit & Wolf (2004, "A
    well-conditioned estimator for large-dimensional covariance matrices"), so that it can be inverted
    whatever the number of rows, and that no feature counts by its unit.
    """
    _, scale = standardisation(features)
    centred = np.asarray(features, dtype=np.float64) / scale
    for side in (labels, ~labels):
        centred[side] -= centred[side].mean(axis=0)
    found = np.linalg.solve(shrunk_covariance(centred), mean_difference(features, labels) / scale)
    return np.asarray(found / scale, dtype=np.float64)


def shrunk_covariance(centred: Floats) -> Floats:
    """The covariance of centred rows ``[n, d]``, shrunk after Ledoit & Wolf (2004), ``[d, d]``."""
    n, d = centred.shape
    sample = centred.T @ centred / n
    middle = float(np.trace(sample)) / d
    spread = float(((sample - middle * np.eye(d)) ** 2).sum())
    squares = (centred**2).sum(axis=1)
    noise = float((squares**2).sum()) / n**2 - float((sample**2).sum()) / n
    share = min(1.0, max(0.0, noise / spread)) if spread > 0 else 1.0
    found: Floats = (1 - share) * sample + share * middle * np.eye(d)
    return found


def along(features: Features, labels: NDArray[np.bool_], direction: Floats, balanced: bool) -> Fit:
    """A direction with the slope and the bias that make its scores log-odds, by logistic regression on it.

    Platt (1999): P = sigmoid(a * direction . x + b).
    """
    line = np.asarray(features @ direction.astype(features.dtype), dtype=np.float64)[:, None]
    one = fit_logistic(Standardised(line), labels, SLOPE_PENALTY, weights=class_weights(labels, balanced))
    d = len(direction)
    return Fit(
        one.weights[0] * direction, one.bias, np.zeros(d), np.ones(d), one.loss, one.gradient, one.converged
    )
