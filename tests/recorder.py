"""A listener that remembers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class RecordedTask:
    """A task as it was announced, and how far it came; ``total`` and ``done`` count units."""

    label: str
    total: int | None
    done: int
    finished: bool = False

    def advance(self, steps: int = 1) -> None:
        self.done += steps


@dataclass
class Recorder:
    """Everything that a service said, in order."""

    stages: list[str] = field(default_factory=list)
    tasks: list[RecordedTask] = field(default_factory=list)
    metrics: list[tuple[str, float, int | None]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def stage(self, text: str) -> None:
        self.stages.append(text)

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[RecordedTask]:
        task = RecordedTask(label, total, done)
        self.tasks.append(task)
        yield task
        task.finished = True

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.metrics.append((name, value, step))

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def detail(self, message: str) -> None:
        self.details.append(message)
