"""``detox`` while the clock of the machine is put back and forward by hours, again and again.

It runs under libfaketime, which reads the offset from the file that the first argument names. What counts
seconds on, and cannot be put, is left as it is.
"""

import sys
import threading
import time
from itertools import cycle
from pathlib import Path

OFFSETS = ("-3600", "+3600", "-7200", "+0")
EVERY_SECONDS = 0.5


def put_the_clock(place: Path) -> None:
    """For ever."""
    for offset in cycle(OFFSETS):
        threading.Event().wait(EVERY_SECONDS)
        place.write_text(f"{offset}\n")


def wait(seconds: float) -> None:
    """What ``time.sleep`` does; there libfaketime takes the seconds to wait for a time of the clock."""
    threading.Event().wait(seconds)


if __name__ == "__main__":
    time.sleep = wait
    threading.Thread(target=put_the_clock, args=(Path(sys.argv.pop(1)),), daemon=True).start()
    from detox_cli.__main__ import main

    main()
