"""Figures of a run as tables: those of several alike side by side, the others in a list."""

from collections.abc import Iterator, Sequence

from detox_cli.runs.stated import Stated
from detox_cli.services.report.page import Element, details, element, html_table
from detox_cli.services.result import Cell, Table

MOST_FIGURES = 40
"""Rows of a table that are in sight; the others are folded away."""
MANY_MEASURES = 8
"""Of more than these a table has a row each, if there are fewer entries."""


def tables_of(figures: Sequence[Stated]) -> Iterator[Element]:
    """What is told of several alike as a table of entries by measures, then all the rest as a list."""
    tabled: set[str] = set()
    for name in dict.fromkeys(one.table for one in figures if one.entry):
        own = [one for one in figures if one.entry and one.table == name]
        tabled |= {one.name for one in own}
        yield element("h3", name.replace("_", " ").replace(".", ", ") or "each")
        yield from _side_by_side(own)
    rest = [one for one in figures if one.name not in tabled]
    if rest and tabled:
        yield element("h3", "other figures")
    if rest:
        rows: list[list[Cell]] = [[f.name, number(f.value), f.low, f.high, f.n] for f in rest]
        caption = "Intervals as the command states them." if any(map(has_interval, rest)) else ""
        if not any(one.n is not None or has_interval(one) for one in rest):
            yield from long_table(["figure", "value"], [row[:2] for row in rows])
        else:
            yield from long_table(["figure", "value", "from", "to", "n"], rows, caption)


def long_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = ""
) -> Iterator[Element]:
    """A table whose first rows are in sight, with the others folded away."""
    yield html_table(Table(title="", columns=columns, rows=rows[:MOST_FIGURES], caption=caption))
    if more := rows[MOST_FIGURES:]:
        yield details(f"{len(more)} more figures", html_table(Table(title="", columns=columns, rows=more)))


def told(figure: Stated | None, *, with_n: bool = True) -> Cell:
    """Value, interval and number of cases in one cell."""
    if figure is None:
        return None
    if not has_interval(figure):
        return number(figure.value)
    count = f", n {figure.n}" if with_n and figure.n else ""
    return f"{figure.value:.4g} [{figure.low:.4g}, {figure.high:.4g}]{count}"


def has_interval(figure: Stated | None) -> bool:
    """Whether both of its ends are told."""
    return figure is not None and figure.low is not None and figure.high is not None


def number(value: float) -> float | int:
    """Counts as whole numbers."""
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _side_by_side(figures: Sequence[Stated]) -> Iterator[Element]:
    measures = list(dict.fromkeys(one.measure for one in figures))
    found = {(one.entry, one.measure): one for one in figures}
    counts = {one.n for one in figures if has_interval(one)}
    same = len(counts) == 1 and None not in counts
    rows: list[list[Cell]] = [
        [entry, *(told(found.get((entry, measure)), with_n=not same) for measure in measures)]
        for entry in dict.fromkeys(one.entry for one in figures)
    ]
    caption = f"Intervals as the command states them, n = {counts.pop()}." if same else ""
    columns = ["", *(measure.replace("_", " ") or "value" for measure in measures)]
    if len(measures) > MANY_MEASURES and len(rows) < len(measures):
        turned = list(zip(columns, *rows, strict=True))
        columns, rows = [str(cell) for cell in turned[0]], [list(row) for row in turned[1:]]
    yield from long_table(columns, rows, caption)
