"""Rows in: from a file, stdin or a data set, each with an id and the place it came from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from detox_cli.data.bundled import file_of, is_bundled, part_of
from detox_cli.data.columns import with_nearest
from detox_cli.data.datasets_hub import dataset_records, is_dataset
from detox_cli.data.json_records import json_file_records, json_line_records
from detox_cli.data.lines import missing_file, numbered_lines, shown_name
from detox_cli.data.rejects import Rejects
from detox_cli.data.streams import is_stream
from detox_cli.data.tables import delimited_records
from detox_cli.errors import BadData

Record = tuple[str, Mapping[str, object]]
"""Where it stands, and its values."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its id, its values by column, and where it stands (``pairs.csv:12``)."""

    id: str
    values: Mapping[str, object]
    where: str


def read_rows(source: str, rejects: Rejects, *, split: str = "train", limit: int | None = None) -> list[Row]:
    """Read the rows of ``source``; unusable ones go to ``rejects``.

    Args:
        source: A ``.csv``, ``.tsv``, ``.jsonl``, ``.json``, ``.parquet`` or ``.txt`` file (one text a line,
            column ``text``), ``-`` for stdin or the name of a pipe (JSON lines if it begins with ``{``, else
            plain lines), ``builtin:NAME`` (or ``/odd``, ``/even``: half of its rows), the id of a data set on
            the Hub, or a folder with a data set.
        rejects: Takes the rows that are malformed.
        split: The part to read of a data set.
        limit: Stop after so many usable rows.

    A row's id is its own ``id`` if it has one, else its 1-based number among all rows of the source.

    Raises:
        BadData: Nothing can be read, no row is usable, or two rows have the same id.
        Missing: A data set cannot be had.
    """
    return list(stream_rows(source, rejects, split=split, limit=limit))


def stream_rows(
    source: str, rejects: Rejects, *, split: str = "train", limit: int | None = None
) -> Iterator[Row]:
    """The same rows one after the other, for files that are larger than what is wanted of them.

    Raises:
        BadData, Missing: As `read_rows`, when that row is reached; that nothing is usable, at the end.
    """
    before = rejects.count
    name = shown_name(source)
    empty = limit != 0
    for row in islice(_identified(_records(source, name, split, rejects), rejects), limit):
        empty = False
        yield row
    if empty:
        raise _nothing(name, rejects, rejects.count - before)


def pick_column(
    rows: Sequence[Row], wanted: str | None, known: Sequence[str], source: str, *, flag: str = "--column"
) -> str:
    """The column to use: ``wanted`` if the user named one, else the first of ``known`` that is there.

    Raises:
        BadData: It is not there; the message has the nearest name and all columns.
    """
    columns = columns_of(rows)
    for candidate in [wanted] if wanted is not None else known:
        if candidate in columns:
            return candidate
    hint = with_nearest(known if wanted is None else [wanted], columns)
    if wanted is None:
        message = f"has no column named {' or '.join(known)}"
        raise BadData(message, where=shown_name(source), hint=f"name one with {flag}: {hint}")
    raise BadData(f"has no column {wanted!r}", where=shown_name(source), hint=hint)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The names of all columns, in the order in which they first appear."""
    return list(dict.fromkeys(column for row in rows for column in row.values))


def rows_with_text(rows: Sequence[Row], column: str, rejects: Rejects) -> list[Row]:
    """The rows whose ``column`` holds a text; the others are rejected.

    Raises:
        BadData: There is none.
    """
    usable = []
    for row in rows:
        if fault := text_fault(row.values.get(column)):
            rejects.add(row.where, f"column {column!r} {fault}", dict(row.values))
        else:
            usable.append(row)
    if rows and not usable:
        raise BadData(
            f"column {column!r} holds a text in none of {len(rows)} rows",
            where=rows[0].where,
            hint="name another column",
        )
    return usable


def text_fault(value: object) -> str | None:
    """Why a value is not a text to work with, if it is not."""
    if value is None:
        return "is missing"
    if not isinstance(value, str):
        return f"is not text but {type(value).__name__}"
    return None if value.strip() else "is empty"


def _records(source: str, name: str, split: str, rejects: Rejects) -> Iterator[Record]:
    if is_bundled(source):
        part, file = part_of(source), str(file_of(source))
        return islice(_READERS[".jsonl"](file, name, rejects), part.start, None, part.step)
    path = Path(source)
    if is_stream(source):
        return _stream_records(source, name, rejects)
    reader = _READERS.get(path.suffix.lower())
    if is_dataset(source) and (reader is None or path.is_dir()):
        return dataset_records(source, split)
    if path.is_dir():
        raise BadData("is a folder without a data set", where=source, hint="name a file in it")
    if reader is not None:
        return reader(source, name, rejects)
    if not path.exists():
        raise missing_file(path)
    raise BadData(
        f"has a suffix that says nothing about its format: {path.suffix or 'none'}",
        where=source,
        hint=f"rename it to one of {', '.join(_READERS)}",
    )


def _identified(records: Iterator[Record], rejects: Rejects) -> Iterator[Row]:
    """Give every row its id. Rejected rows are numbered too: correcting one renames no other."""
    first_at: dict[str, str] = {}
    rejected_before, without_id = rejects.count, 0
    for given, (where, values) in enumerate(records, start=1):
        row_id = values.get("id", given + rejects.count - rejected_before - without_id)
        if isinstance(row_id, bool) or not isinstance(row_id, str | int) or row_id == "":
            rejects.add(where, "its id is neither a text nor a whole number", dict(values))
            without_id += 1
            continue
        if (row_id := str(row_id)) in first_at:
            raise BadData(
                f"the id {row_id!r} is used again; it was first at {first_at[row_id]}",
                where=where,
                hint="give every row an id of its own, or remove the id column",
            )
        first_at[row_id] = where
        yield Row(row_id, values, where)


def _stream_records(source: str, name: str, rejects: Rejects) -> Iterator[Record]:
    """Rows of a stream, such as stdin or a pipe of the shell, whose name tells nothing about its format."""
    lines = numbered_lines(source)
    before: list[tuple[int, str]] = []
    for numbered in lines:
        before.append(numbered)
        if numbered[1].strip():
            break
    everything = (numbered for part in (before, lines) for numbered in part)
    if before and before[-1][1].lstrip().startswith("{"):
        return json_line_records(everything, name, rejects)
    return _plain_records(everything, name, rejects)


def _plain_records(lines: Iterable[tuple[int, str]], name: str, rejects: Rejects) -> Iterator[Record]:
    for number, line in lines:
        text = line.removesuffix("\n").removesuffix("\r")
        if text.strip():
            yield f"{name}:{number}", {"text": text}
        else:
            rejects.add(f"{name}:{number}", "an empty line", text)


def _parquet_records(source: str, name: str, rejects: Rejects) -> Iterator[Record]:
    # Loading Arrow takes a good part of a second that readers of text files should not pay.
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(source)
    if not path.exists():
        raise missing_file(path)
    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches():
            for values in batch.to_pylist():
                number += 1
                yield f"{name}:row {number}", values
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:  # a name, a date, a text
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadData(
            f"cannot be read as Parquet: {reason}", where=name, hint="write the file again"
        ) from None


def _nothing(name: str, rejects: Rejects, bad: int) -> BadData:
    if not bad:
        return BadData("is empty", where=name, hint="give a file with at least one row")
    reason, count = rejects.by_reason.most_common(1)[0]
    hint = f"see {rejects.path}" if rejects.path else "run again with --strict to see the first one"
    return BadData(f"none of its {bad} rows can be used; {count} times: {reason}", where=name, hint=hint)


_READERS: dict[str, Callable[[str, str, Rejects], Iterator[Record]]] = {
    ".csv": lambda source, name, rejects: delimited_records(source, ",", name, rejects),
    ".tsv": lambda source, name, rejects: delimited_records(source, "\t", name, rejects),
    ".jsonl": lambda source, name, rejects: json_line_records(numbered_lines(source), name, rejects),
    ".json": json_file_records,
    ".parquet": _parquet_records,
    ".txt": lambda source, name, rejects: _plain_records(numbered_lines(source), name, rejects),
}
