"""How a service says what it is doing, without knowing who listens."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One countable piece of work."""

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more units as done."""


class Progress(Protocol):
    """The listener of a service: a terminal, a log file, a test, or nobody."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def task(self, label: str, total: int | None, done: int = 0) -> AbstractContextManager[Task]:
        """Work of ``total`` units, ``done`` of which an earlier run has already finished."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """A measured number, such as a loss at a training step."""

    def warn(self, message: str) -> None:
        """Something the user should know, in one sentence."""

    def detail(self, message: str) -> None:
        """Something only a person who debugs wants to see."""


class SilentTask:
    """A task that nobody watches."""

    def advance(self, steps: int = 1) -> None:
        """Count nothing."""


class Silent:
    """The default listener: nobody."""

    def stage(self, text: str) -> None:
        """Say nothing."""

    def task(self, label: str, total: int | None, done: int = 0) -> AbstractContextManager[Task]:
        """Give a task that counts nothing."""
        return nullcontext(SilentTask())

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""

    def detail(self, message: str) -> None:
        """Say nothing."""
