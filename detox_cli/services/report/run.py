"""``detox report``: outputs of commands on one page that needs nothing else."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.lock import output_lock
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.report.page import (
    Element,
    html_table,
    outline,
    page,
    page_bytes,
    section,
    write_page,
)
from detox_cli.services.report.runs import Run, overview, parts_of, side_by_side
from detox_cli.services.result import Result, Table
from detox_cli.services.status.outputs import outputs_at
from detox_cli.settings.report import ReportSettings

SILENT = Silent()


class ReportResult(Result):
    """The page, and what is on it."""

    outputs: list[Path]
    shared: bool
    """Whether figures of several outputs stand side by side."""

    def tables(self) -> list[Table]:
        """What is on the page."""
        rows = [[str(path)] for path in self.outputs]
        return [Table(title="on the page", columns=["output"], rows=rows)]


def run(settings: ReportSettings, progress: Progress = SILENT) -> ReportResult:
    """Write the page.

    Raises:
        BadData: There is no finished output at one of the places.
        BadSettings: The page is there already.
    """
    if str(settings.output) == "-":
        runs, shared, parts = _drawn(settings, progress)
        print(page(settings.title, parts), end="")
        return ReportResult(outputs=[one.path for one in runs], shared=shared)
    with output_lock(settings.output):
        earlier = settings.output.read_bytes() if settings.output.is_file() else None
        runs, shared, parts = _drawn(settings, progress)
        same = earlier == page_bytes(settings.title, parts)
        if earlier is not None and not same and not settings.overwrite:
            raise BadSettings(
                "is there already", where=str(settings.output), hint="add --overwrite, or choose another -o"
            )
        if not same:
            write_page(settings.output, settings.title, parts)
        return ReportResult(files=[settings.output], outputs=[one.path for one in runs], shared=shared)


def _drawn(settings: ReportSettings, progress: Progress) -> tuple[list[Run], bool, list[Element]]:
    """The outputs, whether figures of several stand side by side, and the parts of the page."""
    runs = list(_runs(settings.outputs))
    progress.stage(f"drawing {len(runs)} outputs")
    shown = outline if settings.redact else str
    together = list(side_by_side(runs))
    parts = [section("Outputs", html_table(overview(runs))), *together]
    return runs, bool(together), [*parts, *(parts_of(one, settings.samples, shown) for one in runs)]


def _runs(places: Sequence[Path]) -> Iterator[Run]:
    paths: dict[Path, Path] = {}
    for place in places:
        found = [path for path in outputs_at(place) if read_manifest(path) is not None]
        if not found:
            hint = "name a finished output of a command; `detox status` says what is there"
            raise BadData("holds no finished output", where=str(place), hint=hint)
        paths |= {path.resolve(): path for path in found if path.resolve() not in paths}
    shared = Path(os.path.commonpath([path.parent for path in paths]))
    for whole, path in paths.items():
        part = any(other in whole.parents for other in paths)
        yield Run(path, str(whole.relative_to(shared)), read_manifest(path) or {}, part)
