"""Show a result: tables for eyes, one JSON document for programs, one value for scripts."""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from detox_cli.output.fitting import cell_text, column_widths, fitted
from detox_cli.services.result import BUNDLED, ROWS, Result, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

EVERYWHERE = ("offline", "offline-multilingual")
"""Profiles that fit every command and need no network: nor may the next command, so these go with it."""


def show(
    result: Result,
    *,
    as_json: bool = False,
    quiet: bool = False,
    rows_on_stdout: bool = False,
    profiles: Sequence[str] = (),
) -> None:
    """Print ``result``; hints for what to do next, with those ``profiles`` that fit anywhere, go to stderr.

    With ``rows_on_stdout`` the command has already written its data there, so the report keeps clear of it.
    """
    stream = sys.stderr if rows_on_stdout else sys.stdout
    if as_json:
        print(result.model_dump_json(indent=2), file=stream)
    elif quiet:
        if not rows_on_stdout and (line := result.headline()):
            print(line, file=stream)
    else:
        tables = result.tables()
        _show_tables(tables, stream)
        if not tables and not result.files and not rows_on_stdout and (line := result.headline()):
            print(line, file=stream)
        for path in result.files:
            print(path, file=stream)
        kept = [name for name in profiles if name in EVERYWHERE]
        for step in result.next_steps(BUNDLED if kept else ROWS):
            print(f"next: {_with_profiles(step, kept)}", file=sys.stderr)


def _with_profiles(step: str, kept: Sequence[str]) -> str:
    if not step.startswith("detox "):
        return step
    return " ".join([step, *(f"--profile {name}" for name in kept)])


def command_line(*words: object) -> str:
    """A command that can be pasted into a shell."""
    return shlex.join(str(word) for word in words)


def plain(table: Table) -> str:
    """A table as aligned text: numbers to the right, two spaces between columns."""
    rows = [list(table.columns), *([cell_text(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    right = [_is_number_column(table, i) for i in range(len(table.columns))]
    lines = [
        "  ".join(_pad(row[i], widths[i], right[i]) for i in range(len(widths))).rstrip() for row in rows
    ]
    return "\n".join([table.title, *lines, *([table.caption] if table.caption else [])])


def _show_tables(tables: list[Table], stream: TextIO) -> None:
    if not tables:
        return
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        _show_rich(tables, stream)
    else:
        print("\n\n".join(plain(table) for table in tables), file=stream)


def _show_rich(tables: list[Table], stream: TextIO) -> None:
    from rich.console import Console

    console = Console(file=stream)
    for drawn in drawn_tables(tables, console.width):
        console.print(drawn)


def drawn_tables(tables: list[Table], width: int) -> "list[RichTable]":
    """Tables as a terminal of ``width`` characters shows them."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    found = []
    for table in (part for whole in tables for part in fitted(whole, width)):
        widths = column_widths(table, width)
        drawn = RichTable(
            title=escape(table.title),
            caption=escape(table.caption) or None,
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for index, column in enumerate(table.columns):
            side = "right" if _is_number_column(table, index) else "left"
            drawn.add_column(escape(column), justify=side, overflow="fold", width=widths[index])  # type: ignore[arg-type]
        for row in table.rows:
            drawn.add_row(*(escape(cell_text(cell)) for cell in row))
        found.append(drawn)
    return found


def _is_number_column(table: Table, index: int) -> bool:
    cells = [row[index] for row in table.rows]
    return any(isinstance(cell, (int, float)) for cell in cells) and not any(
        isinstance(cell, str) for cell in cells
    )


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
