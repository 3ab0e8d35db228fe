"""``detox status --watch``: look again and again until nothing runs any more."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from detox_cli.errors import BadData, DetoxError
from detox_cli.services.result import Table
from detox_cli.services.status.moved import Moved
from detox_cli.services.status.outputs import OutputState, look_at
from detox_cli.services.status.run import StatusResult, run

PATIENCE = 60.0
"""Seconds that a command which has just been started gets to begin its output: loading comes first."""
BETWEEN = 5.0
"""Seconds without any running part after which work in a folder that is no output itself is over."""

Show = Callable[[list[Table], list[str]], None]
"""Takes all tables, and as lines what has moved since the last look."""


class WatchResult(StatusResult):
    """How what was watched has ended."""

    watched: list[Path]
    """The outputs that were being made while they were watched; all of them if none was."""

    def problem(self) -> DetoxError | None:
        """What was stopped on the way."""
        ended = [one for one in self.outputs if one.output in self.watched and one.state == "stopped"]
        if not ended:
            return None
        hints = list(dict.fromkeys(f"detox {one.command}" for one in ended if one.command))
        hint = f"the same command continues: {hints[0]}" if hints else "run the same command again"
        return DetoxError(f"stopped: {ended[0].problem}", where=str(ended[0].output), hint=hint)


def watch(outputs: Iterable[Path], every: float, show: Show) -> WatchResult:
    """Hand every look to ``show`` until no output is being made any more.

    A path where there is nothing yet is waited for, `PATIENCE` seconds at most.

    Args:
        outputs: Outputs, or folders in which they lie.
        every: Seconds between two looks.
        show: Takes each look, also the last.

    Raises:
        BadData: No command has written or begun anything at one of them in that time.
    """
    paths = list(outputs)
    look = _first(paths, every)
    running: dict[Path, None] = {}
    calm, moved = time.monotonic(), Moved()
    while True:
        show(look.tables(), list(moved.lines(look)))
        now = [one.output for one in look.outputs if one.state == "running"]
        running |= dict.fromkeys(now)
        if now:
            calm = time.monotonic()
        elif not running or _over(look, paths, running) or time.monotonic() - calm >= BETWEEN:
            watched = list(running) or [one.output for one in look.outputs]
            return WatchResult(outputs=look.outputs, watched=watched)
        time.sleep(every)
        look = _again(paths, running)


def _over(look: StatusResult, paths: list[Path], running: Iterable[Path]) -> bool:
    """Whether no further part can follow, as one was stopped or every path is an output as a whole."""
    states = {one.output.resolve(): one.state for one in look.outputs}
    stopped = any(states.get(output.resolve()) == "stopped" for output in running)
    return stopped or all(path.resolve() in states for path in paths)


def _first(paths: list[Path], every: float) -> StatusResult:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return run(paths)
        except BadData:
            if time.monotonic() >= until:
                raise
        time.sleep(every)


def _again(paths: list[Path], running: Iterable[Path]) -> StatusResult:
    """A look at what is there now, and at what was being made and is there no more."""
    found: dict[Path, OutputState] = {}
    for path in paths:
        try:
            found |= {one.output: one for one in run([path]).outputs}
        except BadData:
            continue
    inner = {folder for output in found for folder in output.parents}
    gone = (output for output in running if output not in found and output not in inner)
    return StatusResult(outputs=[*found.values(), *(_gone(output) for output in gone)])


def _gone(output: Path) -> OutputState:
    state = look_at(output)
    return state.model_copy(update={"problem": "ended with an error and left nothing to go on from"})
