"""What some methods must know of a whole tensor before its first block: inner products, and cuts by size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Numbers


@dataclass(frozen=True)
class Cut:
    """Where the k largest magnitudes of a vector begin.

    Attributes:
        size: The smallest magnitude that is kept.
        equal: How many of exactly this magnitude are kept: the first ones.
    """

    size: float
    equal: int


RUN = 1 << 12
SMALLEST, LARGEST = 1e-20, 1e30
"""Between these, no square that counts is lost to float32."""
KEEP_ALL = Cut(0.0, np.iinfo(np.int64).max)


def inner_products(vectors: Sequence[Numbers]) -> NDArray[np.float64]:
    """``[m, m]`` inner products of the vectors of a block.

    Runs of ``RUN`` products are summed in float32 and the sums in float64, which is right to about ``1e-8``
    of the vectors' lengths; in float64 alone where squares could leave the range of float32.
    """
    flat = [vector.ravel() for vector in vectors]
    found = np.empty((len(flat), len(flat)))
    with np.errstate(over="ignore", invalid="ignore"):
        for i, one in enumerate(flat):
            for j, other in enumerate(flat[: i + 1]):
                found[i, j] = found[j, i] = _inner_product(one, other)
    lengths = np.diag(found)
    if (lengths > SMALLEST).all() and (lengths < LARGEST).all():
        return found
    wide = np.stack(flat).astype(np.float64)
    return wide @ wide.T


def _inner_product(one: Numbers, other: Numbers) -> np.float64:
    """Of two vectors; the numbers that fill no run are one of their own."""
    whole = one.size // RUN * RUN
    runs = np.vecdot(one[:whole].reshape(-1, RUN), other[:whole].reshape(-1, RUN))
    total: np.float64 = runs.sum(dtype=np.float64) + np.vecdot(one[whole:], other[whole:]).astype(np.float64)
    return total


def magnitude_bits(numbers: Numbers) -> NDArray[np.uint32]:
    """The magnitudes of floats as whole numbers, in the same order."""
    bits: NDArray[np.uint32] = np.ascontiguousarray(numbers).view(np.uint32).ravel() & np.uint32(0x7FFFFFFF)
    return bits


def kept(numbers: Numbers, cut: Cut, equal_before: int, equal_here: int) -> NDArray[np.bool_]:
    """Which numbers of a block are among the k largest of their tensor.

    Args:
        numbers: Of the block.
        cut: Of the tensor.
        equal_before: How many in the blocks before have exactly the magnitude of the cut.
        equal_here: How many in this block.
    """
    sizes, room = np.abs(numbers), cut.equal - equal_before
    size = np.float32(cut.size)
    if room >= equal_here:
        return np.greater_equal(sizes, size)
    chosen: NDArray[np.bool_] = sizes > size
    if room > 0:
        same = sizes == size
        same &= np.cumsum(same.ravel()).reshape(same.shape) <= room
        chosen |= same
    return chosen
