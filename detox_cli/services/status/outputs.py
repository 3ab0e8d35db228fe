"""Where outputs are, and what their paperwork says of each."""

import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from detox_cli.runs.atomic import PARTIAL
from detox_cli.runs.lock import is_held
from detox_cli.runs.manifest import NAME, manifest_path, output_record, read_manifest
from detox_cli.runs.output import journal_path, status_path
from detox_cli.runs.stated import stated_figures
from detox_cli.runs.status import read_status

WORKING = (".training", ".unfinished", ".stages")
"""How folders end in which work that goes on keeps its parts, beside its output."""
PAPERS = (
    *(("", f".{NAME}"), ("", ".sweep.journal"), ("", ".journal"), *(("", end) for end in WORKING)),
    (".", ".status.json"),
)
"""Beginning and end of the names of what is written about an output, beside it."""
LISTS = (("", ".rejects.jsonl"), ("", ".dropped.jsonl"))
"""The same of rows that were left out."""

State = Literal["finished", "changed", "running", "stopped"]


class Part(BaseModel):
    """Work that is being counted."""

    model_config = ConfigDict(frozen=True)

    label: str
    done: int
    already: int
    """How much of what is done an earlier process has finished."""
    total: int | None
    per_second: float | None
    """Units a second of late, not counting what an earlier process has done; ``None`` before the first."""
    seconds_left: float | None


class OutputState(BaseModel):
    """One output. Times are seconds, of a resumed run those of its last process; memory is peak bytes."""

    model_config = ConfigDict(frozen=True)

    output: Path
    state: State
    command: str | None = None
    stage: str | None = None
    parts: list[Part] = []
    metrics: dict[str, float] = {}
    seconds: float | None = None
    seconds_since: float | None = None
    """Since the last sign of life of a run that is not finished."""
    records: int | None = None
    """Lines in the journal of a run that is not finished."""
    memory: dict[str, int] = {}
    warnings: int = 0
    problem: str | None = None


def outputs_at(path: Path) -> Iterator[Path]:
    """``path`` if it is or was to be an output (its paperwork stands for it), then those inside it."""
    if path.name in ("", ".."):
        path = path.resolve()
    if (path.is_file() or path.suffix in WORKING) and (
        beside := _output_of(path, (*PAPERS, *LISTS))
    ) is not None:
        path = beside
    marks = (manifest_path, journal_path, status_path)
    if any(mark(path).exists() for mark in marks):
        yield path
    if not path.is_dir():
        return
    found = set()
    for entry in path.rglob("*"):
        inside = entry.relative_to(path).parts[:-1]
        if any(part.endswith(PARTIAL) for part in entry.parts) or any(p.endswith(WORKING) for p in inside):
            continue
        if (output := _output_of(entry)) is not None and output != path:
            found.add(output)
    yield from sorted(found)


def look_at(output: Path) -> OutputState:
    """What the manifest of a finished output says, or the last words of one that is not."""
    told, manifest = read_status(output), read_manifest(output)
    running = is_held(output)
    if manifest is not None and not running and not journal_path(output).exists() and _over(output, told):
        return _finished(output, manifest)
    return _unfinished(output, told or {}, running)


def _over(output: Path, told: dict[str, Any] | None) -> bool:
    """Whether nobody has begun anew since the manifest; the last word of who wrote it goes just after."""
    if told is None or not told.get("begun", True):
        return True
    return "ended" not in told and manifest_path(output).stat().st_mtime >= told.get("started", 0)


def _output_of(entry: Path, beside: Sequence[tuple[str, str]] = PAPERS) -> Path | None:
    if entry.name == NAME:
        return entry.parent
    for prefix, suffix in beside:
        if entry.name.startswith(prefix) and entry.name.endswith(suffix):
            return entry.with_name(entry.name.removeprefix(prefix).removesuffix(suffix))
    return None


def _numbers(metrics: object) -> dict[str, float]:
    return {figure.name: figure.value for figure in stated_figures(metrics)}


def _finished(output: Path, manifest: dict[str, Any]) -> OutputState:
    same = manifest.get("output") == output_record(output) if output.exists() else False
    return OutputState(
        output=output,
        state="finished" if same else "changed",
        command=manifest.get("command"),
        metrics=_numbers(manifest.get("metrics")),
        seconds=manifest.get("wall_seconds"),
        memory=manifest.get("peak_memory_bytes") or {},
        problem=None if same else "not what the command wrote",
    )


def _unfinished(output: Path, told: dict[str, Any], running: bool) -> OutputState:
    updated = float(told.get("updated") or _journal_time(output) or time.time())
    return OutputState(
        output=output,
        state="running" if running else "stopped",
        command=shlex.join(told["command"]) if "command" in told else None,
        stage=told.get("stage"),
        parts=[_part(entry) for entry in told.get("tasks", [])],
        metrics=_numbers(told.get("metrics")),
        # A clock that was put back meanwhile makes no negative times.
        seconds=max(0.0, updated - told["started"]) if "started" in told else None,
        seconds_since=max(0.0, time.time() - updated),
        records=_records(journal_path(output)),
        memory=told.get("peak_memory_bytes") or {},
        warnings=told.get("warnings", 0),
        problem=None if running else told.get("ended", "ended without a word, as after kill -9 or a crash"),
    )


def _part(entry: dict[str, Any]) -> Part:
    counts = {name: entry[name] for name in ("label", "done", "already", "total")}
    return Part(**counts, per_second=entry.get("per_second"), seconds_left=entry.get("seconds_left"))


def _records(journal: Path) -> int | None:
    if not journal.exists():
        return None
    with journal.open("rb") as file:
        return max(sum(1 for _ in file) - 1, 0)


def _journal_time(output: Path) -> float | None:
    journal = journal_path(output)
    return journal.stat().st_mtime if journal.exists() else None
