"""Rows that ship with the package, named ``builtin:NAME`` wherever rows are read."""

import difflib
from pathlib import Path

from detox_cli.errors import BadData

SAMPLES = Path(__file__).parent.parent / "miniatures" / "samples"
PREFIX = "builtin:"
HALVES = {"odd": 0, "even": 1}
"""Every other row, counted from 1: one half to learn from, the other to measure with."""


def is_bundled(source: str | Path) -> bool:
    """Whether ``source`` names bundled rows, which may or may not exist."""
    return str(source).startswith(PREFIX)


def bundled_names() -> list[str]:
    """The names of all bundled files of rows, without ``builtin:``."""
    return sorted(file.stem for file in SAMPLES.glob("*.jsonl"))


def file_of(source: str | Path) -> Path:
    """Where ``source`` lies: the file behind ``builtin:NAME`` or a half of it; any other name as it is.

    Raises:
        BadData: Nothing is bundled under that name; the message has what is.
    """
    if not is_bundled(source):
        return Path(source)
    name, slash, half = str(source).removeprefix(PREFIX).partition("/")
    known = bundled_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        listed = ", ".join(PREFIX + one for one in known)
        meant = f"did you mean {PREFIX}{near[0]}? " if near else ""
        raise BadData(
            "no rows of this name are bundled", where=str(source), hint=f"{meant}there are {listed}"
        )
    if slash and half not in HALVES:
        hint = f"write {PREFIX}{name}, {PREFIX}{name}/odd or {PREFIX}{name}/even"
        raise BadData("bundled rows have no such part", where=str(source), hint=hint)
    return SAMPLES / f"{name}.jsonl"


def part_of(source: str) -> slice:
    """Which of the rows behind ``source`` are meant: all, or every other one."""
    half = source.rpartition("/")[2]
    return slice(HALVES[half], None, 2) if is_bundled(source) and half in HALVES else slice(None)
