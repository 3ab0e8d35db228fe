"""Progress for a person at a terminal: bars and numbers that stay in place, on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from detox_cli.output.quantities import size
from detox_cli.runs.memory import peak_memory

REFRESHES = 4
"""A second: each costs a processor about a millisecond."""


class Rate(ProgressColumn):
    """Units a second of the last half minute; nothing for what an earlier run has done."""

    def render(self, task: Task) -> Text:
        """Three significant figures."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.3g}/s" if speed else "")


class Memory(ProgressColumn):
    """The most memory needed so far, in the process and on accelerators."""

    max_refresh = 2.0

    def render(self, task: Task) -> Text:
        """Rounded to what decides whether it fits."""
        return Text(" + ".join(size(count) for count in peak_memory().values()), style="dim")


class TerminalTask:
    """A bar."""

    def __init__(self, bars: Bars, identity: TaskID) -> None:
        self.bars = bars
        self.identity = identity

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        self.bars.advance(self.identity, steps)


class Terminal:
    """Bars that vanish when their work is done, one line per metric, warnings that stay."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            Memory(),
            console=self.console,
        )
        self.metrics = Bars(TextColumn("  [dim]{task.description}[/dim]"), console=self.console)
        self.rows: dict[str, TaskID] = {}
        self.live = Live(
            Group(self.metrics, self.bars),
            console=self.console,
            refresh_per_second=REFRESHES,
            # Rows that go to a file or a pipe must not be caught and drawn above the bars.
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def stage(self, text: str) -> None:
        """Print the stage above the bars."""
        self.console.print(f"[bold]›[/bold] {escape(text)}")

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[TerminalTask]:
        """Show a bar while the work runs; it starts where an earlier run stopped."""
        identity = self.bars.add_task(escape(label), total=total, completed=done)
        try:
            yield TerminalTask(self.bars, identity)
        finally:
            self.bars.remove_task(identity)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Show the newest number of each name."""
        text = escape(f"{name} {value:.4g}" + (f"  (step {step})" if step is not None else ""))
        if name not in self.rows:
            self.rows[name] = self.metrics.add_task(text, total=None)
        self.metrics.update(self.rows[name], description=text)

    def warn(self, message: str) -> None:
        """Print the warning above the bars."""
        self.console.print(f"[yellow]warning:[/yellow] {escape(message)}")

    def detail(self, message: str) -> None:
        """Say nothing: details are for ``--verbose``, which prints lines."""
