"""The words of a text with their places, disguised ones such as ``st*pid`` and ``$tupid`` whole."""

import re
from collections.abc import Iterable

from detox_cli.scoring.pieces import UNSPACED
from detox_cli.scoring.spans.span import Span

# A word may begin and go on with letters that stand for others; a mark around it, as in *this*, is not its.
_WORD = re.compile(
    rf"[{UNSPACED}]|(?:[@$](?=\w)|(?![{UNSPACED}])\w)"
    rf"(?:(?:(?![{UNSPACED}])[\w\u0300-\u036f\u0900-\u0dff])|['’@$*#](?=[\w@$*#])|(?<=\*)\*)*"
)


def word_places(text: str) -> list[tuple[int, int]]:
    """``(start, end)`` of every word, in order; of scripts without spaces, of every character."""
    return [match.span() for match in _WORD.finditer(text)]


def whole_words(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans that end where words end: those that stand in a part of a word are widened to all of it."""
    words = word_places(text)
    return [_widened(span, words) for span in spans]


def _widened(span: Span, words: list[tuple[int, int]]) -> Span:
    touched = [word for word in words if word[0] < span.end and span.start < word[1]]
    if not touched:
        return span
    return Span(min(span.start, touched[0][0]), max(span.end, touched[-1][1]), span.score)
