"""A file that goes to the disk while it is written, and leaves the memory as it goes."""

import os
from collections import deque
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

AHEAD = 8
"""How many pieces may be on their way to the disk."""


class WriteBehind:
    """Writes pieces anywhere in an open file, by any number of threads.

    The system would keep all that was written in memory, and push out the inputs that are still to be read;
    and it would take fresh memory for it, which can cost more than the copy. So the disk is told to begin at
    once, and what it has is let go: what comes next gets the same memory again.

    Args:
        file: The open file; whoever opened it syncs and closes it.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._going: deque[tuple[int, int]] = deque()
        self._lock = Lock()

    def write(self, numbers: NDArray[Any], place: int) -> int:
        """Write an array at a place; returns where it ends."""
        left = np.ascontiguousarray(numbers).view(np.uint8).reshape(-1).data
        while left:
            count = os.pwrite(self._file, left, place)
            left, place = left[count:], place + count
        return place

    def whole(self, start: int, end: int) -> None:
        """Say that everything between two places is written."""
        if not hasattr(os, "posix_fadvise"):
            return
        with self._lock:
            self._going.append((start, end))
            ready = self._going.popleft() if len(self._going) > AHEAD else None
        for begun, ended in ((start, end), ready or (0, 0)):
            if begun < ended:  # starts to write what is not on the disk yet, and drops what is
                os.posix_fadvise(self._file, begun, ended - begun, os.POSIX_FADV_DONTNEED)
