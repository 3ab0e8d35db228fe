"""Finished outputs as parts of a page: figures, pictures, curves, samples in outline, recipe and origin."""

import base64
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.data.lines import numbered_lines
from detox_cli.output.quantities import duration, size
from detox_cli.runs.stated import Stated, stated_figures
from detox_cli.services.report.charts import bars, curves
from detox_cli.services.report.page import Element, element, html_table, section
from detox_cli.services.result import Cell, Table
from detox_cli.services.training.log import NAME as TRAINING_LOG
from detox_cli.statistics.bootstrap import Estimate

PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}
LARGEST_PICTURE = 2_000_000
LONGEST = 300
MOST_BARS = 16
LOSSES = {"loss": "training loss", "eval_loss": "validation loss"}

Shown = Callable[[str], str]


@dataclass(frozen=True)
class Run:
    """A finished output and its manifest."""

    path: Path
    name: str
    manifest: dict[str, Any]

    def figures(self) -> list[Stated]:
        """What was measured, in the order of the manifest."""
        return list(stated_figures(self.manifest.get("metrics")))


def overview(runs: Sequence[Run]) -> Table:
    """One line for each output."""
    rows: list[list[Cell]] = [
        [
            run.name,
            run.manifest.get("command"),
            run.manifest.get("started"),
            duration(run.manifest.get("wall_seconds") or 0),
            ", ".join(size(count) for count in (run.manifest.get("peak_memory_bytes") or {}).values()),
            run.manifest.get("seed"),
        ]
        for run in runs
    ]
    columns = ["output", "command", "started", "took", "memory", "seed"]
    return Table(title="Outputs", columns=columns, rows=rows)


def side_by_side(runs: Sequence[Run]) -> list[Element]:
    """The figures that two or more outputs share, as a table, and as bars where they have intervals."""
    found = [{figure.name: figure for figure in run.figures()} for run in runs]
    names = [name for name in dict.fromkeys(n for one in found for n in one) if _shared(name, found)]
    if not names:
        return []
    rows = [[name, *(_told(one.get(name)) for one in found)] for name in names]
    table = Table(title="Side by side", columns=["figure", *(run.name for run in runs)], rows=rows)
    drawn = []
    for name in names:
        told = [(run.name, one[name]) for run, one in zip(runs, found, strict=True) if name in one]
        estimates = [(label, _estimate(figure)) for label, figure in told if _has_interval(figure)]
        if len(estimates) > 1:
            drawn.append(bars(name, estimates))
    drawn = drawn[:MOST_BARS]
    return [element("div", *drawn, class_="charts"), html_table(table)]


def parts_of(run: Run, samples: int, shown: Shown) -> Element:
    """Everything about one output.

    Args:
        run: The output.
        samples: How many of its rows are shown.
        shown: What is made of a text before it is.
    """
    parts: list[Element] = []
    if figures := run.figures():
        rows: list[list[Cell]] = [[f.name, _number(f.value), f.low, f.high, f.n] for f in figures]
        columns = ["figure", "value", "from", "to", "n"]
        parts.append(
            html_table(
                Table(title="", columns=columns, rows=rows, caption="Intervals as the command states them.")
            )
        )
    parts += [*_learning(run), *_pictures(run)]
    if samples and (rows_file := _rows_file(run)) is not None:
        parts += _samples(rows_file, samples, shown)
    parts += [
        _details("Recipe", _plain(run.manifest.get("settings"))),
        _details("Origin", _origin(run.manifest)),
    ]
    return section(f"{run.name}: {run.manifest.get('command')}", *parts)


def _shared(name: str, found: Sequence[dict[str, Stated]]) -> bool:
    return sum(name in one for one in found) > 1


def _has_interval(figure: Stated | None) -> bool:
    return figure is not None and figure.low is not None and figure.high is not None


def _estimate(figure: Stated) -> Estimate:
    return Estimate(figure.value, figure.low or 0.0, figure.high or 0.0, figure.n or 0)


def _told(figure: Stated | None) -> Cell:
    if figure is None:
        return None
    if not _has_interval(figure):
        return _number(figure.value)
    count = f", n {figure.n}" if figure.n else ""
    return f"{figure.value:.4g} [{figure.low:.4g}, {figure.high:.4g}]{count}"


def _number(value: float) -> float | int:
    """Counts as whole numbers."""
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _learning(run: Run) -> Iterator[Element]:
    log = run.path / TRAINING_LOG
    if not log.is_file():
        return
    records = [parse_json(line) for _, line in numbered_lines(str(log)) if line.strip()]
    series = []
    for key, words in LOSSES.items():
        line = [(float(r["step"]), float(r[key])) for r in records if isinstance(r.get(key), int | float)]
        if line := [point for point in line if all(map(math.isfinite, point))]:
            series.append((words, line))
    if series:
        yield curves("Losses of the training", "step", series)


def _pictures(run: Run) -> Iterator[Element]:
    """The pictures that the command drew; of one in two formats the SVG."""
    if not run.path.is_dir():
        return
    there = sorted(path for path in run.path.glob("*") if path.suffix in PICTURES)
    drawn = {path.stem: path for path in there}  # .png sorts before .svg
    for path in drawn.values():
        if path.stat().st_size <= LARGEST_PICTURE:
            content = base64.b64encode(path.read_bytes()).decode()
            source = f"data:{PICTURES[path.suffix]};base64,{content}"
            picture = element("img", src=source, alt=path.stem)
            yield element("figure", picture, element("figcaption", path.name))


def _rows_file(run: Run) -> Path | None:
    if run.path.is_file():
        return run.path if run.path.suffix == ".jsonl" else None
    files = sorted(path for path in run.path.glob("*.jsonl") if path.name != TRAINING_LOG)
    return files[0] if files else None


def _samples(path: Path, count: int, shown: Shown) -> Iterator[Element]:
    """The first rows; only texts are changed by ``shown``, ids and numbers are told as they are."""
    lines = (line for _, line in numbered_lines(str(path)) if line.strip())
    rows = [row for line in islice(lines, count) if isinstance(row := parse_json(line), dict)]
    columns = [name for name in dict.fromkeys(key for row in rows for key in row) if not name.startswith("_")]
    if rows:
        cells: list[list[Cell]] = [[_sample(name, row.get(name), shown) for name in columns] for row in rows]
        caption = f"The first {len(rows)} rows of {path.name}."
        yield _details("Rows", html_table(Table(title="", columns=columns, rows=cells, caption=caption)))


def _sample(name: str, value: object, shown: Shown) -> Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if name in ("id", "lang", "source", "schema") else shown(value[:LONGEST])
    return shown(json.dumps(value, ensure_ascii=False)[:LONGEST])


def _plain(values: object) -> Element:
    rows = [[str(key), json.dumps(value, ensure_ascii=False)] for key, value in dict(values or {}).items()]  # type: ignore[call-overload]
    return html_table(Table(title="", columns=["setting", "value"], rows=rows))


def _origin(manifest: dict[str, Any]) -> Element:
    """Inputs with their hashes, models, scorers, versions."""
    rows: list[list[Cell]] = []
    for what in ("inputs", "models", "scorers", "versions"):
        for name, value in (manifest.get(what) or {}).items():
            told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            rows.append([what, str(name), told])
    rows.append(["versions", "detox", str(manifest.get("detox"))])
    return html_table(Table(title="", columns=["what", "name", "identity"], rows=rows))


def _details(title: str, part: Element) -> Element:
    return element("details", element("summary", title), part)
