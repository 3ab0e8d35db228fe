"""What a filler put in the place of each mask, if it left everything else as it was."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from detox_cli.data.chains.record import MASK

CONTEXT = 2
"""Words and marks on either side of a mask by which its place is known where other text was changed."""
_PIECE = re.compile(r"\w+|[^\w\s]")


class Piece(NamedTuple):
    """A word or a mark of a text, without case, and where it stands."""

    text: str
    start: int
    end: int


def pieces_of(text: str) -> list[Piece]:
    """Words and marks in order; spaces between them do not count."""
    return [Piece(found[0].casefold(), found.start(), found.end()) for found in _PIECE.finditer(text)]


def fills_in(masked: str, output: str) -> list[str] | None:
    """The text in the place of each mask, empty where there is none; ``None`` if other text was changed.

    Case and spaces do not count as changes: they are those of ``masked`` in the end. The text before the
    first mask has to open the output, that after the last to close it, and what is between to follow in
    order.

    Args:
        masked: A text with at least one `MASK`.
        output: What the filler wrote for it, whole.
    """
    segments, pieces = _segments(masked), pieces_of(output)
    words = [piece.text for piece in pieces]
    head, tail = segments[0], segments[-1]
    last = len(words) - len(tail)
    if len(head) > last or words[: len(head)] != head or words[last:] != tail:
        return None
    at, fills = len(head), []
    for middle in segments[1:-1]:
        place = _find(words, middle, at, last)
        if place is None:
            return None
        fills.append(_between(output, pieces, at, place))
        at = place + len(middle)
    return [*fills, _between(output, pieces, at, last)]


def fills_by_context(masked: str, output: str) -> list[str] | None:
    """The text between the words beside each mask, whatever became of the others; ``None`` if these changed.

    Put into the masked text such fills leave everything else as it was, although the filler did not.
    """
    pieces = pieces_of(output)
    words = [piece.text for piece in pieces]
    at, fills = 0, []
    for left, right in pairwise(_segments(masked)):
        before, after = left[-CONTEXT:], right[:CONTEXT]
        start = _find(words, before, at, len(words)) if before else at
        if start is None:
            return None
        start += len(before)
        end = _find(words, after, start, len(words)) if after else len(words)
        if end is None:
            return None
        fills.append(_between(output, pieces, start, end))
        at = end
    return fills


def filled(masked: str, fills: Sequence[str]) -> str:
    """The masked text with the fills in place of its masks; its own spaces stay around them."""
    parts = masked.split(MASK)
    return "".join(part for pair in zip(parts, [*fills, ""], strict=True) for part in pair)


def _segments(masked: str) -> list[list[str]]:
    return [[piece.text for piece in pieces_of(part)] for part in masked.split(MASK)]


def _find(words: Sequence[str], wanted: Sequence[str], start: int, end: int) -> int | None:
    """The first place from ``start`` on where ``wanted`` stands whole before ``end``."""
    for place in range(start, end - len(wanted) + 1):
        if list(words[place : place + len(wanted)]) == list(wanted):
            return place
    return None


def _between(output: str, pieces: Sequence[Piece], start: int, end: int) -> str:
    return output[pieces[start].start : pieces[end - 1].end] if start < end else ""
