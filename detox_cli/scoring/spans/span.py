"""A part of a text, counted in characters, and what can be done with several."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """The characters ``text[start:end]``, and how toxic a detector finds them.

    The scale of ``score`` is the detector's own: a probability, a drop of one, or 1 for a listed word.
    """

    start: int
    end: int
    score: float = 1.0


def joined(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch, overlap or have only white space between them made one.

    The score of one that was made of several is their highest.
    """
    found: list[Span] = []
    for span in sorted(spans):
        last = found[-1] if found else None
        if last is not None and not text[last.end : span.start].strip():
            found[-1] = Span(last.start, max(last.end, span.end), max(last.score, span.score))
        else:
            found.append(span)
    return found


def at_least(spans: Iterable[Span], threshold: float) -> list[Span]:
    """The spans whose score is no lower than ``threshold``."""
    return [span for span in spans if span.score >= threshold]


def strongest(spans: Sequence[Span], count: int = 1) -> list[Span]:
    """The ``count`` spans of the highest scores, in their order in the text; of equal ones the earlier."""
    best = sorted(spans, key=lambda span: (-span.score, span.start))[:count]
    return sorted(best)


def characters(spans: Iterable[Span | tuple[int, int]]) -> set[int]:
    """The offsets of all characters that are in a span."""
    return {offset for span in spans for offset in range(span[0], span[1])}


def runs(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """Offsets of characters as ``(start, end)`` of each unbroken run; the opposite of `characters`."""
    found: list[tuple[int, int]] = []
    for offset in sorted(set(offsets)):
        if found and found[-1][1] == offset:
            found[-1] = (found[-1][0], offset + 1)
        else:
            found.append((offset, offset + 1))
    return found
