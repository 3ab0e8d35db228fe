"""Where the k largest magnitudes of a whole tensor begin, found in one pass without sorting it.

A sample of rows says between which two magnitudes the k-th largest lies. The pass counts what is above, keeps
what is between, and so knows the k-th largest exactly; where the sample was wrong, it is done again with a
wider bracket. No tensor is in memory whole, and equal magnitudes, of which 16-bit models have many, are only
counted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.surveys import Cut

Counts = NDArray[np.int64]
SMALL = 1 << 18
"""Up to this many numbers a tensor is looked at without a sample."""
SAMPLED = 1 << 17
"""About how many numbers a sample has."""
CONFIDENCE = 5.0
"""How many standard errors of the sample's share a bracket is wide, on either side."""
WIDER = (1.0, 8.0)
"""How much wider it is at the first and the second try; the third has everything."""


@dataclass(frozen=True)
class Bracket:
    """Two magnitudes with the k-th largest between them."""

    low: np.float32
    high: np.float32


EVERYTHING = Bracket(np.float32(0), np.float32(np.inf))


@dataclass(frozen=True)
class Found:
    """What a block holds on both sides of a bracket.

    Attributes:
        above: How many magnitudes are above it.
        at_high: How many are its upper end.
        inside: Those between its ends, as they lie.
        at_low: How many are its lower end.
    """

    above: int
    at_high: int
    inside: Numbers
    at_low: int


def sampled_rows(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """First and last (exclusive) row of the pieces that a sample is made of, evenly spread."""
    height = max(1, math.ceil(512 / max(1, columns)))
    pieces = max(8, SAMPLED // (height * max(1, columns)))
    step = max(height, rows // pieces)
    for first in range(step // 2, rows - height + 1, step):
        yield first, first + height


def brackets(pieces: Sequence[Numbers], share: float) -> Iterator[Bracket]:
    """Ever wider brackets around the magnitude that ``share`` of the numbers exceed.

    Args:
        pieces: Magnitudes of a sample, piece by piece; rows differ in size, so the error is that of the mean
            over pieces. None for a tensor that needs no sample.
        share: Between 0 and 1.
    """
    if pieces:
        together = np.concatenate([piece.ravel() for piece in pieces])
        middle = _at(together, share)
        shares = [np.count_nonzero(piece > middle) / piece.size for piece in pieces]
        error = CONFIDENCE * float(np.std(shares)) / math.sqrt(len(pieces)) + 8 / len(together)
        for width in WIDER:
            low, high = share + width * error, share - width * error
            yield Bracket(
                _at(together, low) if low < 1 else np.float32(0),
                _at(together, high) if high > 0 else np.float32(np.inf),
            )
    yield EVERYTHING


def _at(sizes: Numbers, share: float) -> np.float32:
    """The magnitude that a share of the sample exceeds."""
    place = min(sizes.size - 1, max(0, int(sizes.size * (1 - share))))
    found: np.float32 = np.partition(sizes, place)[place]
    return found


def look(sizes: Numbers, bracket: Bracket) -> Found:
    """Sort the magnitudes of a block by the ends of a bracket."""
    sizes = sizes.ravel()
    between = sizes > bracket.low
    if bracket.high == np.inf:
        at_high = above = 0
    else:
        below = sizes < bracket.high
        at_high = int(np.count_nonzero(sizes == bracket.high))
        above = sizes.size - int(np.count_nonzero(below)) - at_high
        between &= below
    at_low = int(np.count_nonzero(sizes == bracket.low)) if bracket.low < bracket.high else 0
    return Found(above, at_high, sizes[between], at_low)


def cut_of(found: Sequence[Found], bracket: Bracket, rank: int) -> tuple[Cut, Counts] | None:
    """The magnitude of a rank, and how many of exactly this size every block holds; ``None`` if outside.

    Args:
        found: Block by block.
        bracket: Of all of them.
        rank: From 1, for the largest.
    """
    left = rank - sum(one.above for one in found)
    if left <= 0:
        return None
    at_high = np.array([one.at_high for one in found], np.int64)
    if left <= (count := int(at_high.sum())):
        return Cut(float(bracket.high), left), at_high
    left -= count
    inside = np.concatenate([one.inside for one in found])
    if left <= inside.size:
        size = np.partition(inside, inside.size - left)[inside.size - left]
        equal = left - int(np.count_nonzero(inside > size))
        return Cut(float(size), equal), np.array(
            [np.count_nonzero(one.inside == size) for one in found], np.int64
        )
    left -= inside.size
    at_low = np.array([one.at_low for one in found], np.int64)
    return (Cut(float(bracket.low), left), at_low) if left <= int(at_low.sum()) else None
