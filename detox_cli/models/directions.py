"""Directions of the residual stream: orthonormal bases, and what a norm makes of them. Float64, no torch."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData

Floats = NDArray[np.float64]

SMALLEST = 1e-9
"""Below this share of its length a vector counts as contained in the others."""


def orthonormal(vectors: NDArray[np.floating]) -> Floats:
    """An orthonormal basis ``[d, k]`` of the span of ``vectors`` (``[k, d]``, or one, ``[d]``).

    Raises:
        BadData: A vector is not finite, zero, or a combination of those before it.
    """
    rows = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    if not np.isfinite(rows).all():
        raise BadData("a direction holds numbers that are not finite", hint="measure it again")
    basis: list[Floats] = []
    for number, row in enumerate(rows):
        length = float(np.linalg.norm(row))
        rest = without(row, basis)
        if length == 0 or float(np.linalg.norm(rest)) < SMALLEST * length:
            raise BadData(
                f"direction {number} is zero or lies in the span of the others", hint="take fewer directions"
            )
        basis.append(rest / np.linalg.norm(rest))
    return np.stack(basis, axis=1)


def without(vector: Floats, others: Iterable[Floats]) -> Floats:
    """``vector`` minus what lies along orthonormal ``others``; twice, so that rounding leaves nothing."""
    others = list(others)
    for _ in range(2):
        for other in others:
            vector = vector - (vector @ other) * other
    return vector


def through_gain(basis: Floats, gain: Floats, centred: bool = False) -> Floats:
    """What to remove before a norm so that nothing is left along ``basis`` ``[d, k]`` after it.

    A norm gives ``y = g * (u - m) / s`` with a scale s, and m the mean of u if it is a LayerNorm, else 0.
    Then ``r . y = 0`` exactly where ``(g * r) . (u - m) = 0``, so ``g * r`` (less its mean) is what counts.

    Raises:
        BadData: The gain is zero along a direction.
    """
    seen = gain[:, None] * basis
    if centred:
        seen = seen - seen.mean(axis=0, keepdims=True)
    return orthonormal(seen.T)


def through_gains(basis: Floats, gains: Sequence[tuple[Floats, bool]]) -> Floats:
    """``through_gain`` for several norms, the last before the stream first, each ``(gain, centred)``."""
    for gain, centred in gains:
        basis = through_gain(basis, gain, centred)
    return basis
