"""``.NAME.status.json`` beside an output that is being made: where the work stands, for whoever asks."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat

from detox_cli.data.json_text import parse_json
from detox_cli.output.progress import Progress, Task
from detox_cli.runs.lock import has_begun, held_within
from detox_cli.runs.manifest import without_secrets
from detox_cli.runs.memory import peak_memory
from detox_cli.runs.output import forget_status, journal_path, new_status_path, status_path
from detox_cli.runs.pace import Pace

EVERY_SECONDS = 2.0
"""How old the file of a working process may be while units are being counted."""


class CountedTask:
    """A task that another listener shows, and that is counted here as well."""

    def __init__(self, shown: Task, told: "Told", entry: dict[str, Any]) -> None:
        self.shown = shown
        self.told = told
        self.entry = entry
        self.pace = Pace(entry["total"], entry["done"])

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more units."""
        self.shown.advance(steps)
        self.pace.advance(steps)
        rates = {"per_second": self.pace.per_second(), "seconds_left": self.pace.seconds_left()}
        self.entry |= {"done": self.pace.done, **rates}
        self.told.write()


class Told:
    """A listener that passes everything on to ``shown`` and keeps the newest of it for others to read.

    Nothing is written before this process holds the output (see ``lock``), if only to announce its work: a
    second process that is about to be refused must not speak for the first. What cannot be written is not
    worth stopping the work for, so it is left out without a word; the work itself says what is wrong with the
    disk.

    Args:
        shown: Who is told everything: a terminal, a log file, a test.
        output: The file or folder that the command makes.
        command: The words of the command line after ``detox``, which a reader needs to go on.
    """

    def __init__(self, shown: Progress, output: Path, command: Sequence[str]) -> None:
        self.shown = shown
        self.output = output
        self.written = 0.0
        self.held: Path | None = None
        self.earlier: bytes | None = None
        self.tasks: list[dict[str, Any]] = []
        self.document: dict[str, Any] = {
            "command": without_secrets(command),
            "process": os.getpid(),
            "started": time.time(),
            "begun": False,
            "stage": None,
            "warnings": 0,
            "metrics": {},
        }

    def stage(self, text: str) -> None:
        """Keep the stage."""
        self.shown.stage(text)
        self.document["stage"] = text
        self.write(now=True)

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[CountedTask]:
        """Count while the work runs."""
        entry = {"label": label, "total": total, "done": done, "already": done}
        self.tasks.append(entry)
        self.write(now=True)
        with self.shown.task(label, total, done) as shown:
            yield CountedTask(shown, self, entry)
        # Only when it came to its end: what a failure or an interruption leaves behind says how far it came.
        self.tasks.remove(entry)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Keep the newest value of each name."""
        self.shown.metric(name, value, step)
        self.document["metrics"][name] = {"value": value, "step": step}
        self.write()

    def warn(self, message: str) -> None:
        """Count the warning."""
        self.shown.warn(message)
        self.document["warnings"] += 1
        self.document["warning"] = message

    def detail(self, message: str) -> None:
        """Pass it on."""
        self.shown.detail(message)

    def leave(self, error: BaseException) -> None:
        """Say for the last time how far the work came and what ended it, if that can be gone on with.

        Of work that was not begun nothing stays but what an earlier process has said.
        """
        if self.held is None:
            return
        if not self.document["begun"]:
            place = status_path(self.held)
            self.remove()
            if self.earlier is not None:
                with suppress(OSError):
                    place.write_bytes(self.earlier)
        elif isinstance(error, KeyboardInterrupt) or journal_path(self.held).exists():
            self.document["ended"] = str(error) or "stopped by the user"
            _replace(self.held, self._state())
        else:
            self.remove()

    def write(self, *, now: bool = False) -> None:
        """Renew the file, at most every ``EVERY_SECONDS`` unless it must be now."""
        if not now and time.monotonic() - self.written < EVERY_SECONDS:
            return
        if (held := held_within(self.output)) is None:
            return
        if held != self.held:  # one part of a longer work is done, the next has begun
            self.remove()
            self.earlier = _content(status_path(held))
        self.written, self.held = time.monotonic(), held
        self.document["begun"] |= has_begun(held)
        _replace(held, self._state())

    def remove(self) -> None:
        """Remove the file: there is an output with a manifest now, or nothing was begun."""
        if self.held is not None:
            forget_status(self.held)
            self.held = None

    def _state(self) -> dict[str, Any]:
        now = {"updated": time.time(), "tasks": self.tasks, "peak_memory_bytes": peak_memory()}
        return {**self.document, **now}


@contextmanager
def told(shown: Progress, output: Path, command: Sequence[str]) -> Iterator[Told]:
    """A listener for one run; the file goes with its end, and stays when it was stopped at its work."""
    listener = Told(shown, output, command)
    try:
        yield listener
    except BaseException as error:
        listener.leave(error)
        raise
    listener.remove()


class _Task(BaseModel, strict=True):
    label: str
    total: int | None
    done: int
    already: int
    per_second: FiniteFloat | None = None
    seconds_left: FiniteFloat | None = None


class _Document(BaseModel, strict=True):
    command: list[str] = []
    started: FiniteFloat = 0
    begun: bool = True
    updated: FiniteFloat = 0
    stage: str | None = None
    warnings: int = 0
    tasks: list[_Task] = []
    metrics: dict[str, dict[str, Any]] = {}
    peak_memory_bytes: dict[str, int] = {}
    ended: str = ""


def read_status(output: Path) -> dict[str, Any] | None:
    """What the process that works on ``output`` told, or the last one, if that did not come to the end.

    What a disk has damaged is as good as not there: nothing is computed from it.
    """
    try:
        document = parse_json(status_path(output).read_text(encoding="utf-8"))
        _Document.model_validate(document)
    except (OSError, ValueError):
        return None
    return dict(document)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _replace(output: Path, document: dict[str, Any]) -> None:
    beside = new_status_path(output)
    # Without fsync, unlike an output: after a crash of the machine nobody needs it.
    try:
        beside.write_text(json.dumps(document, ensure_ascii=False, default=str), encoding="utf-8")
        beside.replace(status_path(output))
    except OSError:
        with suppress(OSError):
            beside.unlink()
