"""Tables in a terminal: lines break between words, and a table that is too wide for that is turned."""

from collections.abc import Sequence

from detox_cli.services.result import Cell, Table

BETWEEN, EDGE = 3, 1
"""What a drawn column takes besides its text, and the table once."""


def cell_text(cell: Cell) -> str:
    """A cell as a person reads it: four significant figures, nothing for a missing value."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return " ".join(str(cell).split())


def fitted(table: Table, width: int) -> list[Table]:
    """``table`` if its longest words stand side by side in ``width`` characters, else the same turned.

    In a turned table a column is a row of the given one, under its first cell. Where all of them are too wide
    they are dealt out to several tables, the caption under the last.
    """
    if not table.rows or _needed(table) <= width:
        return [table]
    parts: list[list[list[Cell]]] = []
    for row in table.rows:
        if parts and _needed(_turned(table, [*parts[-1], row])) <= width:
            parts[-1].append(list(row))
        else:
            parts.append([list(row)])
    turned = [_turned(table, part) for part in parts]
    return [one.model_copy(update={"caption": table.caption if one is turned[-1] else ""}) for one in turned]


def column_widths(table: Table, width: int) -> list[int]:
    """How many characters each column gets of ``width``: its longest word, then room where lines would break.

    Only where the words themselves are too many characters does the widest column get less.
    """
    columns = list(zip(*_texts(table), strict=True))
    widths = [max(map(_longest_word, column)) for column in columns]
    wanted = [max(map(len, column)) for column in columns]
    room = width - EDGE - BETWEEN * len(widths)
    while sum(widths) < min(room, sum(wanted)):
        lacking = [want - have for want, have in zip(wanted, widths, strict=True)]
        widths[lacking.index(max(lacking))] += 1
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _turned(table: Table, rows: Sequence[Sequence[Cell]]) -> Table:
    texts = [[cell_text(cell) for cell in row] for row in rows]
    turned = [[column, *(row[place] for row in texts)] for place, column in enumerate(table.columns)]
    return Table(title=table.title, columns=list(turned[0]), rows=[list(row) for row in turned[1:]])


def _needed(table: Table) -> int:
    longest = (max(map(_longest_word, column)) for column in zip(*_texts(table), strict=True))
    return EDGE + sum(BETWEEN + one for one in longest)


def _texts(table: Table) -> list[list[str]]:
    return [list(table.columns), *([cell_text(cell) for cell in row] for row in table.rows)]


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)
