"""``detox report``: outputs of commands on one page that needs nothing else."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.report.page import html_table, outline, page, section, write_page
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
    to_stdout = str(settings.output) == "-"
    if not to_stdout and settings.output.exists() and not settings.overwrite:
        raise BadSettings(
            "is there already", where=str(settings.output), hint="add --overwrite, or choose another -o"
        )
    runs = list(_runs(settings.outputs))
    progress.stage(f"drawing {len(runs)} outputs")
    shown = outline if settings.redact else str
    parts = [section("Outputs", html_table(overview(runs)))]
    together = list(side_by_side(runs))
    parts += [*together, *(parts_of(one, settings.samples, shown) for one in runs)]
    if to_stdout:
        print(page(settings.title, parts), end="")
    else:
        write_page(settings.output, settings.title, parts)
    files = [] if to_stdout else [settings.output]
    return ReportResult(files=files, outputs=[one.path for one in runs], shared=bool(together))


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
