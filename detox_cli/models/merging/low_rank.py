"""The best adapter of a rank: a truncated singular value decomposition of what tuning added to a matrix.

By random projection with power iterations (Halko, Martinsson and Tropp, SIAM Review 2011, algorithms 4.4 and
5.1), which needs a few products with the matrix and is as good as exact where singular values fall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.draws import stream_key, uniform

Wide = NDArray[np.float64]
MORE = 16
"""Directions beyond the rank that are looked at."""
ITERATIONS = 4
OF_DIRECTIONS = -4
"""Takes the place of a model in the key of the draws."""


@dataclass(frozen=True)
class LowRank:
    """A matrix as a product.

    Attributes:
        left: ``[rows, rank]``.
        right: ``[rank, columns]``.
        error: The length of what is left out, by the length of the matrix (Frobenius); 0 for a zero matrix.
        length: That of the matrix.
    """

    left: Numbers
    right: Numbers
    error: float
    length: float


def low_rank(matrix: Numbers, rank: int, tensor: str) -> LowRank:
    """The product of rank ``rank`` that is nearest to a matrix ``[rows, columns]``.

    Singular values are shared out evenly to both factors. The largest entry of every left direction is
    positive, so that equal inputs give equal files.

    Args:
        matrix: What to write as a product.
        rank: Of the product; where the matrix is narrower, the rest is zeros.
        tensor: Its name, which the random directions depend on.
    """
    wide = matrix.astype(np.float64)
    if rank + MORE < min(wide.shape):
        found = _range_of(wide, rank + MORE, tensor)
        small, values, right = np.linalg.svd(found.T @ wide, full_matrices=False)
        left = found @ small
    else:
        left, values, right = np.linalg.svd(wide, full_matrices=False)
    kept = min(rank, len(values))
    left, values, right = left[:, :kept], values[:kept], right[:kept]
    largest = np.take_along_axis(left, np.abs(left).argmax(axis=0)[None], axis=0)[0]
    roots = np.sqrt(values)
    signs = np.where(largest < 0, -1.0, 1.0)
    a, b = np.zeros((rank, wide.shape[1]), np.float32), np.zeros((wide.shape[0], rank), np.float32)
    a[:kept], b[:, :kept] = right * (roots * signs)[:, None], left * (roots * signs)
    length = float(np.linalg.norm(wide))
    wide -= b.astype(np.float64) @ a.astype(np.float64)
    return LowRank(b, a, float(np.linalg.norm(wide)) / length if length else 0.0, length)


def _range_of(matrix: Wide, count: int, tensor: str) -> Wide:
    """Orthonormal columns that span nearly what the first singular vectors span, ``[rows, count]``."""
    size = matrix.shape[1] * count
    draws = uniform(stream_key(0, tensor, OF_DIRECTIONS), 0, size).astype(np.float64) - 0.5
    found, _ = np.linalg.qr(matrix @ draws.reshape(matrix.shape[1], count))
    for _ in range(ITERATIONS):
        found, _ = np.linalg.qr(matrix.T @ found)
        found, _ = np.linalg.qr(matrix @ found)
    return found
