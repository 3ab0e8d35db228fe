"""Pictures drawn with matplotlib, the extra ``plots``; each beside the table that it shows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.data.writing import write_rows
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file
from detox_cli.statistics.bootstrap import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = (".png", ".svg")
"""The forms in which every picture of ``shown`` is written."""

Paint = Callable[["Figure"], None]


def can_draw(progress: Progress, what: str) -> bool:
    """Whether pictures can be drawn; without the library there is a warning that names the fix."""
    if find_spec("matplotlib") is not None:
        return True
    progress.warn(f"no {what}: matplotlib is missing; pip install 'detox-cli[plots]'")
    return False


@contextmanager
def picture(*paths: Path, size: tuple[float, float]) -> Iterator["Figure"]:
    """Give an empty figure to draw on; at the end it is written to every path, in the form of its suffix.

    The same drawing gives the same bytes. Text in an SVG stays text.

    Args:
        paths: Each whole or not at all.
        size: Width and height in inches.

    Raises:
        DetoxError: A file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "detox", "svg.fonttype": "none"}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
        for path in paths:
            kind = path.suffix.lower().removeprefix(".")
            with atomic_file(path) as temporary:
                figure.savefig(temporary, format=kind, dpi=200, metadata=_undated(kind))


def shown(
    stem: Path,
    rows: Sequence[Mapping[str, object]],
    paint: Paint,
    progress: Progress,
    *,
    size: tuple[float, float] = (6.4, 4.4),
    columns: Sequence[str] | None = None,
) -> list[Path]:
    """Write a table as ``STEM.csv`` and ``STEM.json``, and its picture as ``STEM.png`` and ``STEM.svg``.

    Without the library that draws there is a warning, and the table only.

    Args:
        stem: Where to, without a suffix.
        rows: The table, plain values.
        paint: Draws these rows.
        progress: Hears of a missing library.
        size: Of the picture, in inches.
        columns: Their order in the table; that of the rows if not given.

    Returns:
        What was written.

    Raises:
        BadData: A value cannot be written, such as NaN.
        DetoxError: A file cannot be written.
    """
    tables = listed(stem, rows, columns)
    if not rows or not can_draw(progress, f"picture {stem.name}"):
        return tables
    pictures = [stem.with_name(stem.name + kind) for kind in KINDS]
    with picture(*pictures, size=size) as figure:
        paint(figure)
    return [*tables, *pictures]


def listed(
    stem: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None
) -> list[Path]:
    """Write a table as ``STEM.csv`` and ``STEM.json``, and say where.

    Raises:
        BadData: A value cannot be written, such as NaN.
        DetoxError: A file cannot be written.
    """
    table, document = stem.with_name(stem.name + ".csv"), stem.with_name(stem.name + ".json")
    text = json.dumps([dict(row) for row in rows], indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_rows(table, rows, columns)
    with atomic_file(document) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return [table, document]


def arms(one: Estimate) -> list[list[float]]:
    """How far the interval reaches to both sides, as ``errorbar`` wants it."""
    return [[max(0.0, one.mean - one.low)], [max(0.0, one.high - one.mean)]]


def band(axes: "Axes", x: Sequence[float], estimates: Sequence[Estimate], label: str, colour: str) -> None:
    """A line with its intervals as a band around it."""
    axes.plot(x, [one.mean for one in estimates], color=colour, label=label, lw=1.4, marker="o", ms=3)
    low, high = [one.low for one in estimates], [one.high for one in estimates]
    axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)


def _undated(kind: str) -> dict[str, None]:
    """What keeps the date out of a picture of this format, so that equal pictures are equal bytes."""
    dates: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    return dates.get(kind, {})
