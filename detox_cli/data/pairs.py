"""Parallel data: a toxic sentence and its neutral rewrites, in our format and the published ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.reading import Row, columns_of, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData


@dataclass(frozen=True, slots=True)
class Pair:
    """One toxic sentence with its neutral rewrites, best known first; ``values`` is the whole row."""

    id: str
    toxic: str
    references: tuple[str, ...]
    lang: str | None
    where: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PairFormat:
    """The column names of a published data set."""

    toxic: str
    neutral: tuple[str, ...]


FORMATS = (
    PairFormat("toxic", ("neutral", "references", "neutral1", "neutral2", "neutral3")),  # ours, ParaDetox
    PairFormat("en_toxic_comment", ("en_neutral_comment",)),  # ParaDetox on the Hub, PseudoParaDetox
    PairFormat("ru_toxic_comment", ("ru_neutral_comment",)),  # ParaDetox in Russian on the Hub
    PairFormat("toxic_sentence", ("neutral_sentence",)),  # multilingual ParaDetox
    PairFormat(
        "toxic_comment", ("neutral_comment", "neutral_comment1", "neutral_comment2", "neutral_comment3")
    ),
    PairFormat("text", ()),  # plain lines: sources without a neutral text
)
"""In order of preference. The machine-written column of PseudoParaDetox, ``generated_neutral_sentence``, is
used only when it is asked for: whoever trains on it or scores it must say so."""


def read_pairs(
    source: str,
    rejects: Rejects,
    *,
    toxic_column: str | None = None,
    neutral_columns: Sequence[str] | None = None,
    need_reference: bool = True,
    split: str = "train",
    limit: int | None = None,
    toxic_flag: str = "--toxic-column",
    if_there: bool = False,
) -> list[Pair]:
    """Read pairs; rows without a toxic text or (if ``need_reference``) a neutral one go to ``rejects``.

    Args:
        source: Anything that ``read_rows`` takes.
        rejects: Takes unusable rows.
        toxic_column: The column of toxic texts, if it has none of the known names.
        neutral_columns: The columns of neutral texts, each a text or a list of texts; empty ones are skipped.
        need_reference: Whether a row without a neutral text is unusable.
        split: The part to read of a data set.
        limit: Look at so many rows only.
        toxic_flag: What the user calls ``toxic_column``, for messages.
        if_there: Of the named columns, use those that are there, and the known names where none is: for
            several files of which each has its own columns.

    Raises:
        BadData: A column is not there, or no row is usable.
    """
    rows = read_rows(source, rejects, split=split, limit=limit)
    if if_there:
        toxic_column, neutral_columns = _those_there(rows, toxic_column, neutral_columns)
    toxic = pick_column(rows, toxic_column, _known_toxic(rows), source, flag=toxic_flag)
    neutral = _neutral_columns(rows, toxic, neutral_columns, need_reference, source)
    pairs = list(_pairs(rows, toxic, neutral, need_reference, rejects))
    if rows and not pairs:
        reason = rejects.by_reason.most_common(1)[0][0]
        raise BadData(
            f"none of its {len(rows)} rows is a pair: {reason}",
            where=source,
            hint="name the columns of the two sentences, or correct the rows",
        )
    return pairs


def are_pairs(rows: Sequence[Row]) -> bool:
    """Whether rows have the columns of a known format, a toxic one beside a neutral one."""
    columns = set(columns_of(rows))
    return any(known.toxic in columns and columns.intersection(known.neutral) for known in FORMATS)


def pairs_of(rows: Sequence[Row], source: str, rejects: Rejects) -> list[Pair]:
    """The pairs in rows of a known format; rows that are none go to ``rejects``. See `are_pairs`."""
    toxic = pick_column(rows, None, _known_toxic(rows), source)
    return list(_pairs(rows, toxic, _neutral_columns(rows, toxic, None, True, source), True, rejects))


def _those_there(
    rows: Sequence[Row], toxic: str | None, neutral: Sequence[str] | None
) -> tuple[str | None, Sequence[str] | None]:
    columns = columns_of(rows)
    return toxic if toxic in columns else None, [name for name in neutral or () if name in columns] or None


def _known_toxic(rows: Sequence[Row]) -> list[str]:
    """The known names of the toxic column; formats that are there with their neutral column come first."""
    columns = set(columns_of(rows))
    complete = [known.toxic for known in FORMATS if columns.intersection(known.neutral)]
    return list(dict.fromkeys([*complete, *(known.toxic for known in FORMATS)]))


def _neutral_columns(
    rows: Sequence[Row], toxic: str, wanted: Sequence[str] | None, needed: bool, source: str
) -> list[str]:
    if wanted is not None:
        return [pick_column(rows, column, (), source, flag="--neutral-columns") for column in wanted]
    columns = columns_of(rows)
    own = [column for known in FORMATS if known.toxic == toxic for column in known.neutral]
    # A toxic column with a name of its own may stand beside neutral columns with known names.
    known_names = own or [column for known in FORMATS for column in known.neutral]
    found = [column for column in known_names if column in columns]
    if not found and needed:
        pick_column(rows, None, known_names, source, flag="--neutral-columns")
    return found


def _pairs(
    rows: Sequence[Row], toxic: str, neutral: Sequence[str], needed: bool, rejects: Rejects
) -> Iterator[Pair]:
    for row in rows:
        if fault := text_fault(row.values.get(toxic)):
            rejects.add(row.where, f"column {toxic!r} {fault}", dict(row.values))
            continue
        references, fault = _references(row, neutral)
        if fault or (needed and not references):
            rejects.add(row.where, fault or "no neutral text", dict(row.values))
            continue
        lang = row.values.get("lang")
        yield Pair(
            id=row.id,
            toxic=str(row.values[toxic]),
            references=references,
            lang=lang if isinstance(lang, str) and lang else None,
            where=row.where,
            values=row.values,
        )


def _references(row: Row, columns: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The neutral texts of a row, each once, and what is wrong with one of them."""
    texts: dict[str, None] = {}
    for column in columns:
        value = row.values.get(column)
        for text in value if isinstance(value, list | tuple) else [value]:
            if text is not None and not isinstance(text, str):
                return (), f"column {column!r} is not text but {type(text).__name__}"
            if text is not None and text.strip():
                texts[text] = None
    return tuple(texts), None
