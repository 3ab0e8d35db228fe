"""Isotonic regression: the rising map from scores to probabilities that fits labels best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RisingMap:
    """A piecewise linear map that never falls: level below the first point and beyond the last.

    Attributes:
        x: Where its points are, shape [points], strictly rising.
        y: Their values, shape [points], never falling.
    """

    x: Floats
    y: Floats

    def __call__(self, values: ArrayLike) -> Floats:
        """The map of ``values`` [n]; NaN stays NaN."""
        return np.asarray(np.interp(np.asarray(values, dtype=np.float64), self.x, self.y), dtype=np.float64)


def pool_adjacent_violators(values: ArrayLike, weights: ArrayLike) -> Floats:
    """The never falling sequence that is nearest to ``values`` by weighted squares (Ayer et al. 1955).

    Args:
        values: Shape [n], in the order in which the result must not fall.
        weights: Shape [n], positive.

    Returns:
        Shape [n].
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for mean, weight in zip(
        np.asarray(values, float).tolist(), np.asarray(weights, float).tolist(), strict=True
    ):
        length = 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, long = blocks.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, length = weight + heavy, length + long
        blocks.append((mean, weight, length))
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks]).astype(np.float64)


def isotonic_map(scores: ArrayLike, labels: ArrayLike) -> RisingMap:
    """The rising map of scores to the share of positives that has the least squared error on these rows.

    Equal scores are pooled first; between two levels the map is straight.

    Args:
        scores: Shape [n], finite.
        labels: Shape [n], true for positives.

    Raises:
        ValueError: No rows, unequal lengths, or a score that is not finite.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if values.ndim != 1 or values.shape != positive.shape or not len(values) or not np.isfinite(values).all():
        raise ValueError("expected one finite score per label")
    x, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    y = pool_adjacent_violators(np.bincount(where, weights=positive) / counts, counts)
    kept = np.ones(len(x), dtype=bool)  # both ends of every level; what lies between them adds nothing
    kept[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    return RisingMap(x[kept], y[kept])
