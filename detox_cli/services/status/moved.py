"""What has moved since the last look, as lines of a log: few enough for a run of days."""

import time
from collections.abc import Iterator

from detox_cli.services.status.outputs import OutputState
from detox_cli.services.status.run import StatusResult, in_words

EVERY_SECONDS = 30.0
"""A line at the latest after so long, if anything has been counted."""
EVERY_SHARE = 0.05


class Moved:
    """Remembers what was said of each output.

    A line says where it changes its state, its stage or its part of the work, and then where it comes
    `EVERY_SHARE` further.
    """

    def __init__(self) -> None:
        self._told: dict[object, tuple[float, tuple[object, ...], tuple[float, ...]]] = {}

    def lines(self, look: StatusResult) -> Iterator[str]:
        """One for every output that has come further."""
        for one in look.outputs:
            now, about, shares = time.monotonic(), _about(one), _shares(one)
            when, before, earlier = self._told.get(one.output, (0.0, (), ()))
            late = now - when >= EVERY_SECONDS and shares != earlier
            further = any(b - a >= EVERY_SHARE for a, b in zip(earlier, shares, strict=False))
            if about != before or late or further:
                self._told[one.output] = (now, about, shares)
                yield in_words(one)


def _about(one: OutputState) -> tuple[object, ...]:
    return one.state, one.stage, one.problem, one.warnings, *(part.label for part in one.parts)


def _shares(one: OutputState) -> tuple[float, ...]:
    return tuple(part.done / part.total if part.total else part.done for part in one.parts)
