"""The time of day for what measures how long something took."""

import time

_LOADED_AT, _COUNTED_THEN = time.time(), time.monotonic()


def steady_time() -> float:
    """Seconds since 1970 as ``time.time()`` has them, had nobody put the clock since this process began."""
    return _LOADED_AT + time.monotonic() - _COUNTED_THEN
