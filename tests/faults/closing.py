"""Places that may only be read."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Outcome

Close = Callable[[Path], Path]


@contextmanager
def closing() -> Iterator[Close]:
    """Makes a folder or a file one that may only be read, until the end."""
    places: list[tuple[Path, int]] = []

    def close(place: Path) -> Path:
        if os.geteuid() != 0:
            for one in (place, *(Path(folder) for folder, _, _ in os.walk(place))):
                places.append((one, one.stat().st_mode))
                one.chmod(0o500)
            return place
        places.append((place, place.stat().st_mode))
        for options in (["--bind", str(place)], ["-o", "remount,ro,bind"]):  # permissions bind no superuser
            if subprocess.run(["mount", *options, str(place)], capture_output=True).returncode:
                pytest.skip("only one who may mount can close a place to a superuser")
        return place

    try:
        yield close
    finally:
        for place, mode in reversed(places):
            if os.geteuid() != 0:
                place.chmod(mode)
            else:
                subprocess.run(["umount", "--lazy", str(place)], capture_output=True)


def told(outcome: Outcome, said: str) -> None:
    """A command has failed at its work, with one line that says this."""
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 1 and len(lines) == 1 and said in lines[0], outcome.err
    assert "Traceback" not in outcome.err
