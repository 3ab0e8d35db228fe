"""Answers that are no answers: nothing, a loop, or filler. A broken model does not refuse either."""

import re
import zlib
from collections import Counter
from typing import Literal

Degenerate = Literal["empty", "loop", "filler"]

_WORD = re.compile(r"\w+", re.UNICODE)
LOOP_LONGEST = 12
"""Words in the longest phrase that is looked for as a loop."""
LOOP_REPEATS, LOOP_WORDS = 4, 12
"""A phrase said this often in a row, over this many words, is a loop."""
LOOP_CHARACTERS = 24
"""Characters that one or two repeat before text without words is a loop."""
SQUEEZED, SQUEEZED_FROM = 0.15, 300
"""A text of so many characters that compresses below this share says the same again and again.

English of 300 to 600 characters compresses to about half of its length."""
FEW_LETTERS = 0.2
"""Below this share of letters and digits a text of ``FILLER_FROM`` characters says nothing."""
FILLER_FROM = 20
ONE_WORD, ONE_WORD_FROM = 0.5, 20
"""A text of so many words is filler if one of them is more than this share of it."""

_LOOP_OF_CHARACTERS = re.compile(r"(.{1,4}?)\1{7,}", re.DOTALL)


def degenerate(text: str) -> Degenerate | None:
    """What is wrong with an answer seen from its text alone, in any language; ``None`` if nothing is.

    ``empty``: no letter or digit. ``loop``: a phrase of up to 12 words said at least 4 times in a row over at
    least 12 words, a group of up to 4 characters for at least 24, or a text that compresses to a seventh.
    ``filler``: nearly no letters, or half of the words are one word.

    Lists, tables and code repeat too, but not in a row and never word by word.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    letters = sum(map(len, words))
    if not letters:
        return "empty"
    if _loops(words) or _loops_in_characters(text) or _squeezes(text):
        return "loop"
    if len(text) >= FILLER_FROM and letters < FEW_LETTERS * len(text):
        return "filler"
    if len(words) >= ONE_WORD_FROM and Counter(words).most_common(1)[0][1] > ONE_WORD * len(words):
        return "filler"
    return None


def _loops(words: list[str]) -> bool:
    """Whether a phrase is said ``LOOP_REPEATS`` times in a row, over at least ``LOOP_WORDS`` words."""
    for length in range(1, LOOP_LONGEST + 1):
        wanted = max(LOOP_REPEATS, -(-LOOP_WORDS // length)) * length - length
        run = 0
        for i in range(len(words) - length):
            run = run + 1 if words[i] == words[i + length] else 0
            if run >= wanted:
                return True
    return False


def _loops_in_characters(text: str) -> bool:
    """For scripts without spaces: a few characters over and over; rules of dashes and dots are none."""
    return any(
        len(match[0]) >= LOOP_CHARACTERS and any(c.isalpha() for c in match[1])
        for match in _LOOP_OF_CHARACTERS.finditer(text)
    )


def _squeezes(text: str) -> bool:
    raw = text.encode()
    return len(raw) >= SQUEEZED_FROM and len(zlib.compress(raw, 9)) < SQUEEZED * len(raw)
