"""How fast countable work goes, and how long the rest of it takes."""

import time
from collections import deque

WINDOW = 60.0
"""Seconds that a rate looks back; further where a single step takes longer than that."""
CLOSEST = 0.25
"""Seconds between two marks: what is counted a thousand times a second is not remembered so often."""


class Pace:
    """Units counted, and how many a second of late; what an earlier run has done does not count as fast.

    Args:
        total: All units, ``None`` if nobody knows.
        done: How many of them an earlier run has finished.
    """

    def __init__(self, total: int | None, done: int = 0) -> None:
        self.total = total
        self.done = done
        self.begun = time.monotonic()
        self._marks = deque([(self.begun, done)])
        self._steps = 0

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more units."""
        self.done += steps
        self._steps += 1
        now = time.monotonic()
        if len(self._marks) > 2 and now - self._marks[-2][0] < CLOSEST:
            self._marks.pop()
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW:
            self._marks.popleft()

    def seconds(self) -> float:
        """How long this process has worked at it."""
        return time.monotonic() - self.begun

    def per_second(self) -> float | None:
        """Units a second over the last `WINDOW`, at least over the last step; ``None`` before the first."""
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        return (after - before) / (last - first) if after > before and last > first else None

    def seconds_left(self) -> float | None:
        """What is left at that rate, less the time since the last step; ``None`` before the second."""
        speed = self.per_second()
        if not self.total or speed is None or self._steps < 2:
            return None
        since = time.monotonic() - self._marks[-1][0]
        return max(0.0, (self.total - self.done) / speed - since)
