"""Finished outputs as parts of a page: figures, pictures, curves, samples in outline, recipe and origin."""

import base64
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.data.lines import numbered_lines
from detox_cli.output.quantities import duration, size
from detox_cli.runs.stated import Stated, stated_figures
from detox_cli.services.report.charts import WIDE_LABELS, bars, curves
from detox_cli.services.report.figures import has_interval, long_table, tables_of, told
from detox_cli.services.report.page import Element, breakable, details, element, html_table, section
from detox_cli.services.report.samples import Shown, samples_of
from detox_cli.services.result import Cell, Table
from detox_cli.services.training.log import NAME as TRAINING_LOG
from detox_cli.statistics.bootstrap import Estimate

PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}
LARGEST_PICTURE = 2_000_000
MOST_BARS = 16
LOSSES = {"loss": "training loss", "eval_loss": "validation loss"}


@dataclass(frozen=True)
class Run:
    """A finished output and its manifest; ``part`` if it lies inside another one of the page."""

    path: Path
    name: str
    manifest: dict[str, Any]
    part: bool = False

    @property
    def command(self) -> str:
        """What made it."""
        return str(self.manifest.get("command"))

    def figures(self) -> list[Stated]:
        """What was measured, in the order of the manifest."""
        return list(stated_figures(self.manifest.get("metrics")))


def overview(runs: Sequence[Run]) -> Table:
    """One line for each output."""
    rows: list[list[Cell]] = [
        [
            run.name,
            run.command,
            _moment(run.manifest.get("started")),
            duration(run.manifest.get("wall_seconds") or 0),
            ", ".join(size(count) for count in (run.manifest.get("peak_memory_bytes") or {}).values()),
            run.manifest.get("seed"),
        ]
        for run in runs
    ]
    columns = ["output", "command", "started", "took", "memory", "seed"]
    return Table(title="Outputs", columns=columns, rows=rows)


def side_by_side(runs: Sequence[Run]) -> Iterator[Element]:
    """For each command that made several outputs, the figures that two or more of these share."""
    whole = [run for run in runs if not run.part]
    for command in dict.fromkeys(run.command for run in whole):
        alike = [run for run in whole if run.command == command]
        if compared := _compared(alike):
            yield section(f"Side by side: {command}", *compared)


def _compared(runs: Sequence[Run]) -> list[Element]:
    """The shared figures as bars, where they have intervals, and as a table."""
    found = [{figure.name: figure for figure in run.figures()} for run in runs]
    names = [name for name in dict.fromkeys(n for one in found for n in one) if _shared(name, found)]
    if not names:
        return []
    drawn = []
    for name in names:
        those = [(run.name, one[name]) for run, one in zip(runs, found, strict=True) if name in one]
        estimates = [(label, _estimate(figure)) for label, figure in those if has_interval(figure)]
        if len(estimates) > 1:
            drawn.append(bars(name, estimates))
    rows = [[name, *(told(one.get(name)) for one in found)] for name in names]
    table = long_table(["figure", *(run.name for run in runs)], rows)
    return [element("div", *drawn[:MOST_BARS], class_="charts"), *table]


def parts_of(run: Run, samples: int, shown: Shown) -> Element:
    """Everything about one output.

    Args:
        run: The output.
        samples: How many of its rows are shown.
        shown: What is made of a text before it is.
    """
    parts: list[Element] = []
    if figures := run.figures():
        parts += _figures(figures)
    parts += [*_learning(run), *_pictures(run)]
    if samples:
        parts += samples_of(run.path, samples, shown)
    parts += [
        details("Recipe", _plain(run.manifest.get("settings"))),
        details("Origin", _origin(run.manifest)),
    ]
    title = f"{run.name}: {run.command}"
    return (
        details(f"Part of it: {title}", element("div", *parts, class_="part"))
        if run.part
        else section(title, *parts)
    )


def _figures(figures: Sequence[Stated]) -> Iterator[Element]:
    """All figures in tables; shares that have an interval drawn above it, on one scale."""
    shares = [(figure.name, _estimate(figure)) for figure in figures if _is_share(figure)]
    if len(shares) > 1:
        yield bars("Shares and scores between 0 and 1, with their intervals", shares[:MOST_BARS], WIDE_LABELS)
    yield from tables_of(figures)


def _is_share(figure: Stated) -> bool:
    return figure.low is not None and figure.high is not None and 0 <= figure.low <= figure.high <= 1


def _moment(started: object) -> Cell:
    """To the minute, as a person reads it."""
    text = str(started or "")
    return text[:16].replace("T", " ") + (" UTC" if text.endswith("+00:00") else "")


def _shared(name: str, found: Sequence[dict[str, Stated]]) -> bool:
    return sum(name in one for one in found) > 1


def _estimate(figure: Stated) -> Estimate:
    return Estimate(figure.value, figure.low or 0.0, figure.high or 0.0, figure.n or 0)


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
            yield element("figure", picture, element("figcaption", *breakable(path.name)))


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
