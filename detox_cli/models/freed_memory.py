"""Keep the memory of freed arrays for the next ones."""

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEPT = 1 << 28
LARGEST = 1 << 25
"""The most that glibc lets its pool hold in one piece; larger arrays still come and go one by one."""


def keep_freed_memory() -> None:
    """Let this process keep up to ``KEPT`` bytes of freed memory a pool, where the C library is glibc.

    It gives memory at the end of its pool back to the system at once. Work that makes and frees arrays of a
    quarter of a megabyte without end then spends most of its time on fresh pages, and threads wait for each
    other there.
    """
    if sys.platform != "linux":
        return
    with suppress(AttributeError, OSError):  # another C library, which has no such call
        library = ctypes.CDLL(None)
        for name, value in ((M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, LARGEST)):
            library.mallopt(name, value)
