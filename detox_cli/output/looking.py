"""What ``detox status --watch`` shows while it looks: tables in place, or lines of what has moved."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from detox_cli.services.status.outputs import OutputState
from detox_cli.services.status.run import StatusResult, in_words

EVERY_SECONDS = 30.0
"""A line at the latest after so long, if anything has moved."""
EVERY_SHARE = 0.05

Show = Callable[[StatusResult], None]


class Moved:
    """Lines for a log: where an output changes its state, stage or part of the work, then sparsely."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._told: dict[object, tuple[float, tuple[object, ...], tuple[float, ...]]] = {}

    def __call__(self, look: StatusResult) -> None:
        """Write about every output that has come further."""
        for one in look.outputs:
            now, about, shares = time.monotonic(), _about(one), _shares(one)
            when, before, earlier = self._told.get(one.output, (0.0, (), ()))
            late = now - when >= EVERY_SECONDS and shares != earlier
            further = any(b - a >= EVERY_SHARE for a, b in zip(earlier, shares, strict=False))
            if about != before or late or further:
                self._told[one.output] = (now, about, shares)
                print(in_words(one), file=self.stream, flush=True)


@contextmanager
def looking(*, quiet: bool) -> Iterator[Show]:
    """Give the function that shows a look: drawn anew in a terminal, lines elsewhere, on stderr."""
    if quiet:
        yield lambda _: None
    elif not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield Moved(sys.stderr)
    else:
        from detox_cli.output.terminal import in_place

        with in_place() as draw:
            yield lambda look: draw(look.tables())


def _about(one: OutputState) -> tuple[object, ...]:
    return one.state, one.stage, one.problem, one.warnings, *(part.label for part in one.parts)


def _shares(one: OutputState) -> tuple[float, ...]:
    return tuple(part.done / part.total if part.total else part.done for part in one.parts)
