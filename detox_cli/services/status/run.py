"""``detox status``: what is at an output, without loading anything."""

from collections.abc import Iterable
from pathlib import Path

from detox_cli.errors import BadData
from detox_cli.output.quantities import duration, rate, size
from detox_cli.services.result import ROWS, AtHand, Result, Table
from detox_cli.services.status.outputs import OutputState, Part, look_at, outputs_at

MOST_METRICS, MOST_WORDS = 40, 6


class StatusResult(Result):
    """The state of every output that was found."""

    outputs: list[OutputState]

    def tables(self) -> list[Table]:
        """All outputs; the newest numbers of each if there are few."""
        rows = [
            [str(one.output), one.state, one.command, _where(one), _time(one), _memory(one)]
            for one in self.outputs
        ]
        columns = ["output", "state", "command", "work", "time", "memory"]
        found = [Table(title="status", columns=columns, rows=rows)]
        for one in self.outputs if len(self.outputs) <= 3 else []:
            if one.metrics:
                numbers = [
                    (name, int(value) if value.is_integer() else value) for name, value in one.metrics.items()
                ]
                more = len(numbers) - MOST_METRICS
                caption = f"and {more} more in --json" if more > 0 else ""
                title = f"numbers of {one.output}"
                found.append(
                    Table(
                        title=title, columns=["name", "value"], rows=numbers[:MOST_METRICS], caption=caption
                    )
                )
        return found

    def headline(self) -> str:
        """The state, of several outputs the one that most needs a look."""
        states = [one.state for one in self.outputs]
        return next(state for state in ("stopped", "changed", "running", "finished") if state in states)

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """The commands of stopped runs, which go on when they are repeated."""
        stopped = (one for one in self.outputs if one.state == "stopped" and one.command)
        return list(dict.fromkeys(f"detox {one.command}" for one in stopped))


def run(outputs: Iterable[Path]) -> StatusResult:
    """Look at outputs and what lies inside them.

    Raises:
        BadData: No command has written or begun anything at one of them.
    """
    found: dict[Path, Path] = {}
    for path in outputs:
        for output in _found(path):
            found.setdefault(output.resolve(), output)
    return StatusResult(outputs=[look_at(output) for output in found.values()])


def _found(path: Path) -> list[Path]:
    if found := list(outputs_at(path)):
        return found
    what = (
        "no command has written this" if path.exists() else "there is nothing, and no run was stopped there"
    )
    raise BadData(what, where=str(path), hint="name the output (-o) of a command of detox")


def in_words(one: OutputState) -> str:
    """An output in one line, as a log has it."""
    newest = [f"{name} {value:.4g}" for name, value in list(one.metrics.items())[:MOST_WORDS]]
    parts = [one.state, _where(one), *([] if one.state == "finished" else newest), _time(one), _memory(one)]
    return f"{one.output}: {', '.join(filter(None, parts))}"


def _where(one: OutputState) -> str | None:
    if one.state in ("finished", "changed"):
        return one.problem
    words = [one.stage or "", *(_counted(part, one.state == "running") for part in one.parts)]
    if one.records is not None and not one.parts:
        words.append(f"{one.records} records in the journal")
    if one.warnings:
        words.append(f"{one.warnings} warning{'s' if one.warnings > 1 else ''}")
    if one.problem:
        words.append(one.problem)
    return "; ".join(filter(None, words))


def _counted(part: Part, going_on: bool) -> str:
    shares = [f"{part.done / part.total:.0%}"] if part.total else []
    shares += [f"{part.already} earlier"] if part.already else []
    text = f"{part.label}: {part.done}" + (f"/{part.total}" if part.total else "")
    text += f" ({', '.join(shares)})" if shares else ""
    if not going_on:
        return text
    if part.per_second:
        text += f", {rate(part.per_second)}"
    return text + (f", {duration(part.seconds_left)} left" if part.seconds_left is not None else "")


def _time(one: OutputState) -> str | None:
    took = duration(one.seconds) if one.seconds is not None else None
    if one.seconds_since is None:
        return took
    ago = f"last sign {duration(one.seconds_since)} ago"
    return f"{took}, {ago}" if took else ago


def _memory(one: OutputState) -> str | None:
    return ", ".join(f"{size(count)} {kind}" for kind, count in one.memory.items()) or None
