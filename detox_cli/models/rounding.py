"""Rounding to bfloat16 or float16 that leaves nothing along the removed directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.checkpoint.numbers import decode, encode, next_towards
from detox_cli.models.directions import Floats

Array = NDArray[Any]
Bits = NDArray[np.uint16]

CLOSE_ENOUGH = 3e-6
"""Of the component that was there; a third of what is promised."""
PASSES = 6


def round_nearest(vectors: Array, dtype: str) -> Array:
    """Every number to the nearest stored one. ``vectors`` are used up."""
    return encode(vectors, dtype)


def round_exactly(vectors: Array, dtype: str, basis: Floats, wanted: Array, scale: float) -> Bits:
    """Round ``vectors`` ``[d, n]`` so that their components along ``basis`` are the wanted ones.

    Nearest rounding leaves up to a hundredth of the component. Here the error is fed back: entry by entry,
    those with the largest share in the directions first, a number moves to its neighbour if that brings the
    component of its column nearer to what is wanted. Some dozen entries of a column move, by their last bit.

    Args:
        vectors: One vector in every column; used up.
        dtype: ``BF16`` or ``F16``.
        basis: Orthonormal directions, ``[d, k]``.
        wanted: The components to reach, ``[k, n]``.
        scale: The root of the summed squares of components that counts as one; see ``CLOSE_ENOUGH``.
    """
    bits: Bits = encode(vectors, dtype)
    left = basis.astype(np.float32).T @ decode(bits, dtype) - wanted
    order = np.argsort(-np.abs(basis).max(axis=1), kind="stable")
    for turn in range(PASSES):
        if _length(left) <= CLOSE_ENOUGH * scale:
            break
        rows = _spaced(order) if turn == 0 else order
        bits[rows] = _nudge(np.ascontiguousarray(bits[rows]), dtype, basis[rows], left, CLOSE_ENOUGH * scale)
    return bits


def _nudge(bits: Bits, dtype: str, shares: Floats, left: Array, enough: float) -> Bits:
    """Move entries ``[rows, n]`` to their neighbours where that makes ``left`` ``[k, n]`` shorter."""
    here, above, below = bits, next_towards(bits, True), next_towards(bits, False)
    value = decode(here, dtype)
    up, down = decode(above, dtype) - value, decode(below, dtype) - value
    moved = np.zeros_like(value)
    for number, row in enumerate(shares.astype(np.float32)):
        pull = row @ left
        step = np.where(pull < 0, up[number], down[number])
        # |left + row * step|^2 - |left|^2, which must be below zero
        step *= step * (2 * pull + (row @ row) * step) < 0
        left += row[:, None] * step
        moved[number] = step
        if number % 16 == 15 and _length(left) <= enough:
            break
    return np.where(moved > 0, above, np.where(moved < 0, below, here))


def _spaced(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first rows for coarse steps, of which the error takes about the root of d; fewer of the rest."""
    coarse = np.arange(min(len(order), int(3 * len(order) ** 0.5)))
    fine = np.geomspace(1, len(order), 256).astype(np.intp) - 1
    chosen: NDArray[np.intp] = order[np.unique(np.concatenate([coarse, fine]))]
    return chosen


def _length(values: Array) -> float:
    return float(np.sqrt(np.vdot(values, values)))
