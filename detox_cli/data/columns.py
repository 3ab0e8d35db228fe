"""Names of columns in messages. A file without a header has its first row in their place: it is not shown."""

import difflib
from collections.abc import Iterable, Sequence

LONGEST, MOST_WORDS = 40, 3
"""Bytes and words that a name of a column may have; what has more is taken for a text."""
MOST_SHOWN = 30
ENDS = (".", "!", "?", "…", "。", "！", "？", "।")


def told_columns(names: Iterable[str]) -> str:
    """``the columns are a, b``; or only how many there are, where one of them reads like a text."""
    columns = list(dict.fromkeys(names))
    if any(map(reads_like_text, columns)):
        return f"the names of its columns ({len(columns)}) read like a row: does the file lack a header?"
    rest = len(columns) - MOST_SHOWN
    return f"the columns are {', '.join(columns[:MOST_SHOWN])}" + (f" and {rest} more" if rest > 0 else "")


def with_nearest(wanted: Sequence[str], names: Iterable[str]) -> str:
    """The same, behind the column that comes closest to one of ``wanted``, if any comes close."""
    columns = list(names)
    close = (difflib.get_close_matches(name, columns, n=1) for name in wanted)
    near = next((found[0] for found in close if found), None)
    asked = f"did you mean {near!r}? " if near and not reads_like_text(near) else ""
    return asked + told_columns(columns)


def reads_like_text(name: str) -> bool:
    """Whether a name is longer than names of columns are, has more words, or ends like a sentence."""
    return len(name.encode()) > LONGEST or len(name.split()) > MOST_WORDS or name.rstrip().endswith(ENDS)
