"""What some methods must know of a whole tensor before its first block: inner products, and cuts by size.

Each is added up over blocks, so no tensor is in memory whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Numbers

Counts = NDArray[np.int64]
Places = NDArray[np.uint16]
BINS = 1 << 16
LOW_BITS = 15


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


def high_bins(numbers: Numbers) -> Places:
    """For every magnitude, in which of ``BINS`` bins it lies, which are .4% wide."""
    return (magnitude_bits(numbers) >> LOW_BITS).astype(np.uint16)


def low_bins(numbers: Numbers, bin_index: int) -> Places:
    """For every magnitude of one bin its place within it; every magnitude of a float32 has its own."""
    bits = magnitude_bits(numbers)
    inside = bits[(bits >> LOW_BITS) == bin_index]
    places: Places = (inside & np.uint32((1 << LOW_BITS) - 1)).astype(np.uint16)
    return places


def count_bins(places: Sequence[Places]) -> Counts:
    """How many magnitudes lie in each bin."""
    return np.bincount(np.concatenate(places), minlength=BINS)


def from_the_top(counts: Counts, wanted: int) -> tuple[int, int]:
    """The bin in which the ``wanted``-th largest lies, and how many of that bin are wanted."""
    above = np.cumsum(counts[::-1])
    place = int(np.searchsorted(above, wanted))
    index = len(counts) - 1 - place
    return index, wanted - int(above[place] - counts[index])


def cut_at(bin_index: int, low_index: int, equal: int) -> Cut:
    """The cut at a magnitude that is known to the last bit."""
    bits = np.uint32(bin_index << LOW_BITS | low_index)
    return Cut(float(bits.view(np.float32)), equal)


def count_equal(numbers: Numbers, cut: Cut) -> int:
    """How many have exactly the magnitude of the cut."""
    return int(np.count_nonzero(np.abs(numbers) == np.float32(cut.size)))


def kept(numbers: Numbers, cut: Cut, equal_before: int) -> NDArray[np.bool_]:
    """Which numbers of a block are among the k largest of their tensor.

    Args:
        numbers: Of the block.
        cut: Of the tensor.
        equal_before: How many in the blocks before have exactly the magnitude of the cut.
    """
    sizes = np.abs(numbers)
    chosen: NDArray[np.bool_] = sizes > np.float32(cut.size)
    if cut.equal > equal_before:
        same = sizes == np.float32(cut.size)
        room = cut.equal - equal_before
        if room < np.iinfo(np.int64).max and np.count_nonzero(same) > room:
            same &= np.cumsum(same.ravel()).reshape(same.shape) <= room
        chosen |= same
    return chosen
