"""Progress for a log file: plain lines, while the work runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from detox_cli.output.newest import Newest
from detox_cli.output.quantities import duration, rate, size
from detox_cli.runs.memory import peak_memory
from detox_cli.runs.pace import Pace

EVERY_SECONDS = 30.0
EVERY_SHARE = 0.05
AT_LEAST_SECONDS = 1.0


class LineTask:
    """A task that speaks when it has come 5% further and at the latest after 30 seconds.

    The newest numbers that were measured meanwhile stand in the same line.
    """

    def __init__(self, label: str, pace: Pace, stream: TextIO, newest: Newest) -> None:
        self.label = label
        self.pace = pace
        self.stream = stream
        self.newest = newest
        self.spoke = pace.begun
        self.said = pace.done

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more units, and say so when it is time."""
        self.pace.advance(steps)
        share = (self.pace.done - self.said) / self.pace.total if self.pace.total else 0.0
        silence = time.monotonic() - self.spoke
        if silence >= EVERY_SECONDS or (share >= EVERY_SHARE and silence >= AT_LEAST_SECONDS):
            self.speak()

    def close(self) -> None:
        """Say where the work has come to, if that has not been said."""
        if self.said != self.pace.done or self.newest.words():
            self.speak()

    def speak(self) -> None:
        """Write where the work stands."""
        self.spoke, self.said = time.monotonic(), self.pace.done
        parts = [self._count(), *self._speed(), *self._memory(), self.newest.words()]
        self.newest.forget()
        print(f"{self.label}: {', '.join(filter(None, parts))}", file=self.stream, flush=True)

    def _count(self) -> str:
        done, total = self.pace.done, self.pace.total
        return f"{done}/{total} ({done / total:.0%})" if total else str(done)

    def _speed(self) -> list[str]:
        speed, left = self.pace.per_second(), self.pace.seconds_left()
        if speed is None or self.pace.seconds() < 1:
            return []
        return [rate(speed), *([f"{duration(left)} left"] if left is not None else [])]

    def _memory(self) -> list[str]:
        if self.pace.seconds() < EVERY_SECONDS:  # short work is not what a person watches
            return []
        return [size(count) for count in peak_memory().values()]


class Lines:
    """One line per stage and warning; a few per task, with the newest numbers. ``verbose`` adds details."""

    def __init__(self, stream: TextIO | None = None, verbose: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.verbose = verbose
        self.newest = Newest()
        self.open = 0

    def stage(self, text: str) -> None:
        """Write the stage."""
        self._write(text)

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[LineTask]:
        """Count, and write the last line only if the work got there."""
        task = LineTask(label, Pace(total, done), self.stream, self.newest)
        if done:
            self._write(f"{label}: {done} already done")
        self.open += 1
        try:
            yield task
            task.close()
        finally:
            self.open -= 1

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Keep the number for the next line of the work that goes on, or write it where there is none."""
        self.newest.keep(name, value, step)
        if not self.open:
            self._write(self.newest.words())
            self.newest.forget()

    def warn(self, message: str) -> None:
        """Write the warning."""
        self._write(f"warning: {message}")

    def detail(self, message: str) -> None:
        """Write the detail if it was asked for."""
        if self.verbose:
            self._write(message)

    def _write(self, text: str) -> None:
        print(text, file=self.stream, flush=True)
