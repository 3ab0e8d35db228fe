"""Progress for a log file: plain lines, while the work runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from detox_cli.output.quantities import duration, size
from detox_cli.runs.memory import peak_memory

EVERY_SECONDS = 30.0
EVERY_SHARE = 0.05
AT_LEAST_SECONDS = 1.0


@dataclass
class LineTask:
    """A task that speaks when it has come 5% further and at the latest after 30 seconds."""

    label: str
    total: int | None
    done: int
    stream: TextIO
    begun: float = field(default_factory=lambda: time.monotonic())
    spoke: float = field(default_factory=lambda: time.monotonic())
    said: int = 0
    fresh: int = 0

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more units, and say so when it is time."""
        self.done += steps
        self.fresh += steps
        share = (self.done - self.said) / self.total if self.total else 0.0
        silence = time.monotonic() - self.spoke
        if silence >= EVERY_SECONDS or (share >= EVERY_SHARE and silence >= AT_LEAST_SECONDS):
            self.speak()

    def speak(self) -> None:
        """Write where the work stands."""
        self.spoke, self.said = time.monotonic(), self.done
        print(f"{self.label}: {self._count()}{self._speed()}{self._memory()}", file=self.stream, flush=True)

    def _count(self) -> str:
        return f"{self.done}/{self.total} ({self.done / self.total:.0%})" if self.total else str(self.done)

    def _speed(self) -> str:
        seconds = time.monotonic() - self.begun
        if not self.fresh or seconds < 1:
            return ""
        speed = self.fresh / seconds
        left = f", {duration((self.total - self.done) / speed)} left" if self.total else ""
        return f", {speed:.3g}/s{left}"

    def _memory(self) -> str:
        if time.monotonic() - self.begun < EVERY_SECONDS:  # short work is not what a person watches
            return ""
        return "".join(f", {size(count)}" for count in peak_memory().values())


class Lines:
    """One line per stage, metric and warning; a few per task. ``verbose`` adds the details."""

    def __init__(self, stream: TextIO | None = None, verbose: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.verbose = verbose

    def stage(self, text: str) -> None:
        """Write the stage."""
        self._write(text)

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[LineTask]:
        """Count, and write the last line only if the work got there."""
        task = LineTask(label, total, done, self.stream, said=done)
        if done:
            self._write(f"{label}: {done} already done")
        yield task
        if task.said != task.done:
            task.speak()

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Write the number."""
        self._write(f"{name} = {value:.4g}" + (f" (step {step})" if step is not None else ""))

    def warn(self, message: str) -> None:
        """Write the warning."""
        self._write(f"warning: {message}")

    def detail(self, message: str) -> None:
        """Write the detail if it was asked for."""
        if self.verbose:
            self._write(message)

    def _write(self, text: str) -> None:
        print(text, file=self.stream, flush=True)
