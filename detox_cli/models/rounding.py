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
STILL_ENOUGH = 7e-6
"""From here on the dearer search for moves of several entries begins."""
PASSES = 6
TOGETHER, TOGETHER_IN_FEW = 5, 6
"""Entries whose moves are tried in all combinations, in each of two groups (3^10 or 3^12 sums), and those
where a tensor has few vectors."""
FEW = 64
ROUNDS = 16


def round_nearest(vectors: Array, dtype: str) -> Array:
    """Every number to the nearest stored one. ``vectors`` are used up."""
    return encode(vectors, dtype)


def round_exactly(vectors: Array, dtype: str, basis: Floats, wanted: Array, scale: float) -> Bits:
    """Round ``vectors`` ``[d, n]`` so that their components along ``basis`` are the wanted ones.

    Nearest rounding leaves up to a hundredth of the component. Here the error is fed back: entry by entry,
    those with the largest share in the directions first, a number moves to its neighbour if that brings the
    component of its column nearer to what is wanted. Some dozen entries of a column move, by their last bit.
    Where a vector has so few entries that no single move helps any more (a bias of some dozen numbers), moves
    of several entries at once are tried: d entries have 3^d sums, so the best of them is far closer.

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
    if _length(left) > STILL_ENOUGH * scale:
        _settle(bits, dtype, basis, wanted, left, STILL_ENOUGH * scale)
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


def _settle(bits: Bits, dtype: str, basis: Floats, wanted: Array, left: Array, enough: float) -> None:
    """Make ``left`` as short as ``enough`` by moves of many entries, in the worst columns first, in place."""
    squares = (left.astype(np.float64) ** 2).sum(axis=0)
    group = TOGETHER_IN_FEW if len(squares) <= FEW else TOGETHER
    share = enough**2 / max(squares.sum(), enough**2)
    for column in np.argsort(-squares, kind="stable"):
        if squares.sum() <= enough**2:
            break
        target = share * squares[column]
        for turn in range(ROUNDS):
            here = bits[:, column]
            value = decode(here, dtype).astype(np.float64)
            rest = basis.T @ value - wanted[:, column]
            squares[column] = rest @ rest
            if squares[column] <= target:
                break
            bits[:, column] = _best_of_sums(here, value, dtype, basis, rest, group, turn)


def _best_of_sums(
    here: Bits, value: Floats, dtype: str, basis: Floats, rest: Floats, group: int, turn: int
) -> Bits:
    """One column with those moves of two groups of entries that bring ``rest`` ``[k]`` nearest to zero."""
    ways = [here, next_towards(here, True), next_towards(here, False)]
    moves = np.stack([decode(way, dtype) - value for way in ways])
    sizes = np.abs(moves).max(axis=0) * np.sqrt((basis**2).sum(axis=1))
    order = np.argsort(sizes, kind="stable")[np.count_nonzero(sizes == 0) :]
    if not len(order):
        return here
    # the finest moves lie closest together, but together they must reach as far as the rest
    reach = np.convolve(sizes[order], np.ones(2 * group))[2 * group - 1 :]
    first = int(np.searchsorted(reach[: max(1, len(order) - 2 * group)], 2 * np.linalg.norm(rest)))
    rows = np.take(order, first + turn * group + np.arange(2 * group), mode="wrap")
    rows = np.unique(rows)
    halves = rows[::2], rows[1::2]
    choices = [np.indices((3,) * len(half)).reshape(len(half), -1) for half in halves]
    one, other = (
        np.einsum("rs,rk->sk", moves[choice, half[:, None]], basis[half])
        for choice, half in zip(choices, halves, strict=True)
    )
    off = sum(((rest[k] + one[:, k])[:, None] + other[:, k]) ** 2 for k in range(len(rest)))
    best = np.unravel_index(int(np.argmin(off)), np.shape(off))
    found = here.copy()
    for half, choice, at in zip(halves, choices, best, strict=True):
        found[half] = np.stack(ways)[choice[:, at], half]
    return found


def _spaced(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first rows for coarse steps, of which the error takes about the root of d; fewer of the rest."""
    coarse = np.arange(min(len(order), int(3 * len(order) ** 0.5)))
    fine = np.geomspace(1, len(order), 256).astype(np.intp) - 1
    chosen: NDArray[np.intp] = order[np.unique(np.concatenate([coarse, fine]))]
    return chosen


def _length(values: Array) -> float:
    return float(np.sqrt(np.vdot(values, values)))
