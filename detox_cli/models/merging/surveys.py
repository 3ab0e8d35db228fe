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


KEEP_ALL = Cut(0.0, np.iinfo(np.int64).max)


def inner_products(vectors: Sequence[Numbers]) -> NDArray[np.float64]:
    """``[m, m]`` inner products of the vectors of a block, summed in float64."""
    wide = np.stack([vector.ravel() for vector in vectors]).astype(np.float64)
    return wide @ wide.T


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
