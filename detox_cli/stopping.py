"""Ctrl+C and SIGTERM: the first unwinds the work, a second ends it there, and after the end none counts."""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Any

from detox_cli.errors import ExitCode

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_in_order() -> None:
    """From now on the first signal raises ``KeyboardInterrupt``: files are closed, unfinished ones removed.

    A second one does not wait for that: what is on the disk can be gone on with at any moment. Signals that
    whoever started this process told it to ignore, as ``nohup`` does, stay ignored.
    """
    _answer(_unwind)


def stop_no_more() -> None:
    """From now on a signal does nothing: the work is told as done, and only Python itself has to end."""
    _answer(signal.SIG_IGN)


def _unwind(number: int, frame: FrameType | None) -> None:
    _answer(_end)
    if _importing(frame):
        # There one library swallows an exception, and the C++ of another aborts.
        with suppress(OSError):
            os.write(2, b"error: stopped\n")
        _end(number, frame)
    raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(ExitCode.INTERRUPTED)


def _answer(handler: Any) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
