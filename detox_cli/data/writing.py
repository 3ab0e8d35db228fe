"""Rows out: JSON lines, CSV, TSV or Parquet by suffix, whole or not at all."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.atomic import atomic_file

Values = Mapping[str, object]
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def write_rows(target: str | Path, rows: Iterable[Values], columns: Sequence[str] | None = None) -> int:
    """Write ``rows`` to ``target`` and say how many they were; ``-`` is JSON lines on stdout.

    The same rows give the same bytes: UTF-8, LF, keys in the order of ``columns`` if given (other keys are
    then an error), else as they come. JSON lines stream; a table streams if ``columns`` is given, else it
    has the union of all keys. In a table a list or mapping is JSON in its cell and ``None`` is empty.

    Raises:
        BadSettings: The suffix names no format.
        BadData: A value does not fit into the format.
        DetoxError: The file cannot be written; what was there before is unchanged.
    """
    check_target(target)
    if str(target) == "-":
        return _write_text(sys.stdout, json_lines(rows, columns))
    path = Path(target)
    with atomic_file(path) as temporary:
        if path.suffix.lower() == ".parquet":
            return _write_parquet(temporary, rows, columns, path)
        delimiter = _DELIMITERS.get(path.suffix.lower())
        lines = json_lines(rows, columns) if delimiter is None else table_lines(rows, columns, delimiter)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            return _write_text(file, lines) - (delimiter is not None)


def check_target(target: str | Path) -> None:
    """Refuse a target whose format is unknown, before work is done for it.

    Raises:
        BadSettings: The suffix names no format.
    """
    path = Path(target)
    if str(target) != "-" and path.suffix.lower() not in SUFFIXES:
        hint = f"end its name in one of {', '.join(SUFFIXES)}"
        raise BadSettings("the suffix names no format to write", where=str(path), hint=hint)


def json_lines(rows: Iterable[Values], columns: Sequence[str] | None = None) -> Iterator[str]:
    """One JSON object a line, with its line end."""
    for values in rows:
        ordered = dict(values) if columns is None else _in_order(values, columns)
        try:
            yield json.dumps(ordered, ensure_ascii=False, allow_nan=False) + "\n"
        except (ValueError, TypeError) as error:
            raise BadData(
                f"cannot be written as JSON: {error}",
                where=_row_name(values),
                hint="remove the value from the input, or write another format",
            ) from None


def table_lines(rows: Iterable[Values], columns: Sequence[str] | None, delimiter: str) -> Iterator[str]:
    """The header and one record a row, quoted where needed, with line ends."""
    if columns is None:
        rows = list(rows)
        columns = list(dict.fromkeys(chain.from_iterable(rows)))
    yield _record(columns, delimiter)
    for values in rows:
        cells = [_cell(value) for value in _in_order(values, columns).values()]
        if any("\0" in cell for cell in cells):
            raise BadData("a table cannot hold a NUL character", where=_row_name(values), hint="write .jsonl")
        yield _record(cells, delimiter)


def _record(cells: Sequence[str], delimiter: str) -> str:
    buffer = io.StringIO()
    # With this terminator the writer quotes fields that hold a lone CR, which readers take for a line end.
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _in_order(values: Values, columns: Sequence[str]) -> dict[str, object]:
    if extra := [key for key in values if key not in columns]:
        raise BadData(
            f"has a column {extra[0]!r} that is not to be written",
            where=_row_name(values),
            hint="write .jsonl, where rows may differ",
        )
    return {column: values.get(column) for column in columns}


def _row_name(values: Values) -> str:
    return f"row {values['id']}" if "id" in values else "a row"


def _write_text(file: Any, lines: Iterable[str]) -> int:
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count


def _write_parquet(temporary: Path, rows: Iterable[Values], columns: Sequence[str] | None, path: Path) -> int:
    # Loading Arrow takes a good part of a second that writers of text files should not pay.
    import pyarrow as pa
    import pyarrow.parquet as pq

    listed = [dict(values) if columns is None else _in_order(values, columns) for values in rows]
    names = list(columns) if columns is not None else list(dict.fromkeys(chain.from_iterable(listed)))
    try:
        table = pa.table({name: pa.array([values.get(name) for values in listed]) for name in names})
    except (pa.ArrowException, OverflowError) as error:
        reason = str(error).splitlines()[0]
        hint = "every column needs values of one type; or write .jsonl"
        raise BadData(f"cannot be written as Parquet: {reason}", where=str(path), hint=hint) from None
    pq.write_table(table, temporary)
    return len(listed)
