"""Reading marked texts, whatever way they are written down in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.marked.offsets import Types, spans_of
from detox_cli.data.marked.tokens import rationale_spans, window_spans
from detox_cli.data.reading import Row, columns_of, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

TEXTS = ("text", "content", "comment_text", "comment", "sentence")
SPANS = ("spans", "majority_spans", "typed_spans", "toxic_spans")
"""The usual names of the columns, best first."""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text as it is, its toxic spans ``(start, end)`` in characters, in order, none touching another."""

    text: str
    spans: tuple[tuple[int, int], ...]
    where: str


@dataclass(frozen=True, slots=True)
class Columns:
    """What the user says about columns; what is not said is found by its usual name.

    Attributes:
        text: Of the texts.
        spans: Of the spans.
        types: Only spans of these types count; all if there are none.
        votes: Only spans that so many people marked count, where spans have votes.
    """

    text: str | None = None
    spans: str | None = None
    types: tuple[str, ...] = ()
    votes: int = 0


def read_marked(
    source: str, rejects: Rejects, columns: Columns, *, split: str = "train", limit: int | None = None
) -> list[MarkedText]:
    """Read the marked texts of ``source``.

    Understood are: a column of spans, each ``[start, end, ...]`` or ``{"start", "end"}``, or of the
    offsets of all marked characters (SemEval-2021 task 5), as JSON or as text of it; HateXplain's
    ``post_tokens`` with ``rationales``, of which what at least half of the people marked counts; and CMD's
    ``tokenize_content`` with the ``score`` of each window of two word pieces.

    Args:
        source: Anything that ``read_rows`` takes.
        rejects: Takes rows without a text or whose spans are none, such as ones outside of the text.
        columns: Where they are.
        split: The part to read of a data set.
        limit: Look at so many rows only.

    Raises:
        BadData: A column is not there, or no row is usable.
    """
    rows = read_rows(source, rejects, split=split, limit=limit)
    names = columns_of(rows)
    before = rejects.count
    if "post_tokens" in names and columns.spans is None:
        found = [_by_rationales(row, rejects) for row in rows]
    elif "tokenize_content" in names and columns.spans is None:
        found = [_by_windows(row, rejects) for row in rows]
    else:
        found = _by_spans(rows, source, rejects, columns)
    usable = [one for one in found if one is not None]
    if not usable:
        reason = rejects.by_reason.most_common(1)[0][0] if rejects.count > before else "is empty"
        raise BadData(f"no row can be used; most often: {reason}", where=source, hint="see docs/chains.md")
    return usable


def _by_spans(
    rows: Sequence[Row], source: str, rejects: Rejects, columns: Columns
) -> list[MarkedText | None]:
    text = pick_column(rows, columns.text, TEXTS, source, flag="--text-column")
    spans = pick_column(rows, columns.spans, SPANS, source, flag="--spans-column")
    types = Types(columns.types, columns.votes)
    return [_marked(row, text, spans, types, rejects) for row in rows]


def _marked(row: Row, text: str, spans: str, types: Types, rejects: Rejects) -> MarkedText | None:
    words = _text(row, text, rejects)
    if words is None:
        return None
    try:
        return MarkedText(words, spans_of(row.values.get(spans), words, types), row.where)
    except ValueError as error:
        return _reject(row, f"column {spans!r} {error}", rejects)


def _by_rationales(row: Row, rejects: Rejects) -> MarkedText | None:
    tokens = row.values.get("post_tokens")
    if not isinstance(tokens, list) or not tokens or not all(isinstance(one, str) for one in tokens):
        return _reject(row, "column 'post_tokens' is no list of words", rejects)
    try:
        spans = rationale_spans(tokens, row.values.get("rationales"))
    except ValueError as error:
        return _reject(row, f"column 'rationales' {error}", rejects)
    return MarkedText(" ".join(tokens), spans, row.where)


def _by_windows(row: Row, rejects: Rejects) -> MarkedText | None:
    text = _text(row, "content", rejects)
    if text is None:
        return None
    try:
        return MarkedText(text, window_spans(text, *_windows(row.values)), row.where)
    except ValueError as error:
        return _reject(row, f"column 'score' {error}", rejects)


def _windows(values: Mapping[str, object]) -> tuple[list[str], list[int]]:
    pieces, scores = values.get("tokenize_content"), values.get("score")
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        raise ValueError("has no list of word pieces beside it in 'tokenize_content'")
    if not isinstance(scores, list) or any(score not in (0, 1) for score in scores):
        raise ValueError("is no list of 0 and 1")
    if len(scores) != max(0, len(pieces) - 1):
        raise ValueError(f"has {len(scores)} windows for {len(pieces)} word pieces")
    return pieces, [int(score) for score in scores]


def _text(row: Row, column: str, rejects: Rejects) -> str | None:
    value = row.values.get(column)
    if fault := text_fault(value):
        _reject(row, f"column {column!r} {fault}", rejects)
        return None
    return str(value)


def _reject(row: Row, reason: str, rejects: Rejects) -> MarkedText | None:
    rejects.add(row.where, reason, dict(row.values))
    return None
