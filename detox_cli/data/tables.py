"""Delimited text: CSV and TSV with a header, quoted as RFC 4180 says, fields over several lines included."""

import csv
from collections.abc import Iterator

from detox_cli.data.columns import reads_like_text
from detox_cli.data.lines import numbered_lines
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

_LONGEST_FIELD = 64 * 1024 * 1024
_QUOTES = (
    'a quote inside a quoted field is written "" and a field that starts with a quote is quoted as a whole'
)


def delimited_records(
    source: str, delimiter: str, name: str, rejects: Rejects
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield ``(where, values)`` for every row; ``where`` is the line on which the row starts.

    A row that is not as wide as the header, or with broken quotes on a single line, is rejected.

    Raises:
        BadData: The header is not usable, or broken quotes span lines, so that rows would be lost unseen.
    """
    reader = _LocatedReader(source, delimiter)
    header = _header(reader, name)
    for where, fields in reader.rows(name, rejects):
        if len(fields) == len(header):
            yield where, dict(zip(header, fields, strict=True))
        else:
            wide = f"{len(fields)} field{'s' * (len(fields) != 1)}, and the header has {len(header)}"
            rejects.add(where, f"a row of {wide}", fields)


class _LocatedReader:
    """``csv.reader`` that remembers on which line a row begins and what it looked like."""

    def __init__(self, source: str, delimiter: str) -> None:
        # The default limit of 128 KiB is less than a chapter of a book.
        csv.field_size_limit(_LONGEST_FIELD)
        self._lines = numbered_lines(source)
        self._raw: list[str] = []
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)
        self._next_line = 1

    def _feed(self) -> Iterator[str]:
        for _, line in self._lines:
            self._raw.append(line)
            yield line

    def row(self) -> tuple[int, list[str]] | None:
        """The next row that is not blank, with its first line; ``csv.Error`` if it is malformed."""
        while True:
            self._raw.clear()
            self.line = self._next_line
            try:
                fields = next(self._reader, None)
            finally:
                self._next_line += len(self._raw)
            if fields is None:
                return None
            if fields:
                return self.line, fields

    def rows(self, name: str, rejects: Rejects) -> Iterator[tuple[str, list[str]]]:
        """The rows after the header; malformed ones are rejected."""
        while True:
            try:
                found = self.row()
            except csv.Error as error:
                self._reject(name, rejects, error)
                continue
            if found is None:
                return
            yield f"{name}:{found[0]}", found[1]

    def _reject(self, name: str, rejects: Rejects, error: csv.Error) -> None:
        where = f"{name}:{self.line}"
        if len(self._raw) > 1:
            last = self.line + len(self._raw) - 1
            raise BadData(
                f"a quote is opened and not closed properly by line {last}", where=where, hint=_QUOTES
            )
        rejects.add(where, f"broken quotes: {error}", "".join(self._raw).rstrip("\r\n"))


def _header(reader: _LocatedReader, name: str) -> list[str]:
    try:
        found = reader.row()
    except csv.Error:
        raise BadData("the header has broken quotes", where=f"{name}:{reader.line}", hint=_QUOTES) from None
    if found is None:
        raise BadData("is empty", where=name, hint="give a file with a header and rows")
    line, header = found
    if twice := next((column for column in header if header.count(column) > 1), None):
        shown = "alike" if reads_like_text(twice) else repr(twice)
        hint = "rename one of them, or give the file a header"
        raise BadData(f"two columns are named {shown}", where=f"{name}:{line}", hint=hint)
    return header
