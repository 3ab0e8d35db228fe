"""Progress for a person at a terminal: bars and numbers that stay in place, on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from detox_cli.output.newest import Newest
from detox_cli.output.quantities import duration, rate, size
from detox_cli.output.report import drawn_tables
from detox_cli.runs.memory import peak_memory
from detox_cli.runs.pace import Pace
from detox_cli.services.result import Table

REFRESHES = 4
"""A second: each costs a processor about a millisecond."""
BAR = 24
"""Characters, so that a label and the figures have room in a terminal of 80."""


class Figures(ProgressColumn):
    """``12/345, 3.2/s, 2 min left``; before the first unit how long it has been waited for."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        """What the pace of the task says."""
        pace: Pace = task.fields["pace"]
        count = f"{pace.done}/{pace.total}" if pace.total else str(pace.done)
        speed, left = pace.per_second(), pace.seconds_left()
        if speed is None:
            return Text(", ".join([count, duration(pace.seconds())]))
        return Text(
            ", ".join([count, rate(speed), *([f"{duration(left)} left"] if left is not None else [])])
        )


class Meanwhile(ProgressColumn):
    """How long the stage takes so far, the most memory needed, and the newest numbers."""

    def render(self, task: Task) -> Text:
        """All that is known."""
        stage: Pace = task.fields["pace"]
        newest: Newest = task.fields["newest"]
        memory = " + ".join(size(count) for count in peak_memory().values())
        return Text(", ".join(filter(None, [duration(stage.seconds()), memory, newest.words()])), style="dim")


class TerminalTask:
    """A bar."""

    def __init__(self, bars: Bars, identity: TaskID, pace: Pace) -> None:
        self.bars = bars
        self.identity = identity
        self.pace = pace

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        self.pace.advance(steps)
        self.bars.update(self.identity, completed=self.pace.done)


class Terminal:
    """Bars that vanish when they are done, a line of time, memory and numbers; stages and warnings stay."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        label = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
        self.bars = Bars(TextColumn(" "), label, BarColumn(BAR), Figures(), console=self.console)
        self.newest = Newest()
        self.below = Bars(SpinnerColumn(), Meanwhile(), console=self.console)
        self.line = self.below.add_task("", total=None, pace=Pace(None), newest=self.newest)
        self.live = Live(
            Group(self.bars, self.below),
            console=self.console,
            refresh_per_second=REFRESHES,
            transient=True,
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
        """Print the stage above the bars, and begin to count its time."""
        self.below.update(self.line, pace=Pace(None))
        self.console.print(f"[bold]›[/bold] {escape(text)}")

    @contextmanager
    def task(self, label: str, total: int | None, done: int = 0) -> Iterator[TerminalTask]:
        """Show a bar while the work runs; it starts where an earlier run stopped."""
        pace = Pace(total, done)
        identity = self.bars.add_task(escape(label), total=total, completed=done, pace=pace)
        try:
            yield TerminalTask(self.bars, identity, pace)
        finally:
            self.bars.remove_task(identity)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Show the newest number of each name."""
        self.newest.keep(name, value, step)

    def warn(self, message: str) -> None:
        """Print the warning above the bars."""
        self.console.print(f"[yellow]warning:[/yellow] {escape(message)}")

    def detail(self, message: str) -> None:
        """Say nothing: details are for ``--verbose``, which prints lines."""


@contextmanager
def in_place() -> Iterator[Callable[[list[Table]], None]]:
    """A function that draws tables over those that it drew before; nothing of them stays in the end."""
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda tables: live.update(Group(*drawn_tables(tables, console.width)), refresh=True)
