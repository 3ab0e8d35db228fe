"""The first rows of every file of rows that an output has, in outline or as they are."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from detox_cli.data.json_text import parse_json
from detox_cli.data.lines import numbered_lines
from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.runs.manifest import manifest_path
from detox_cli.services.report.page import Element, details, element, html_table
from detox_cli.services.result import Cell, Table
from detox_cli.services.training.log import NAME as TRAINING_LOG

LONGEST = 300
MOST_FILES = 12
TABLES = (".csv", ".tsv", ".parquet")
AS_THEY_ARE = ("id", "lang", "source", "schema")
"""Columns that hold no text of people or models."""

Shown = Callable[[str], str]


def samples_of(output: Path, count: int, shown: Shown) -> Iterator[Element]:
    """A table of the first ``count`` rows of each file; only texts are changed by ``shown``.

    A file that has a manifest of its own is an output of its own, and not shown here.
    """
    files = _files_of_rows(output)
    for path in files[:MOST_FILES]:
        rows = _first_rows(path, count)
        if rows:
            yield details(f"Rows of {path.name}", html_table(_table(path, rows, shown)))
    if files[MOST_FILES:]:
        names = ", ".join(path.name for path in files[MOST_FILES:])
        yield element("p", f"Not shown: {names}.", class_="caption")


def _files_of_rows(output: Path) -> list[Path]:
    if output.is_file():
        return [output] if output.suffix in (".jsonl", *TABLES) else []
    files = sorted(path for path in output.glob("*.jsonl") if path.name != TRAINING_LOG)
    return [path for path in files if not manifest_path(path).exists()]


def _first_rows(path: Path, count: int) -> list[dict[str, object]]:
    if path.suffix in TABLES:
        return [dict(row.values) for row in read_rows(str(path), Rejects(), limit=count)]
    lines = (line for _, line in numbered_lines(str(path)) if line.strip())
    return [row for line in islice(lines, count) if isinstance(row := parse_json(line), dict)]


def _table(path: Path, rows: list[dict[str, object]], shown: Shown) -> Table:
    columns = [name for name in dict.fromkeys(key for row in rows for key in row) if not name.startswith("_")]
    cells = [[_cell(name, row.get(name), shown) for name in columns] for row in rows]
    caption = f"The first {len(rows)} rows of {path.name}."
    return Table(title="", columns=columns, rows=cells, caption=caption)


def _cell(name: str, value: object, shown: Shown) -> Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if name in AS_THEY_ARE else shown(value[:LONGEST])
    return shown(json.dumps(value, ensure_ascii=False)[:LONGEST])
