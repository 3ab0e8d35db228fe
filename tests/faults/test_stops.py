"""Stopped before a change of the disk, of every family of commands: the same line goes on to the same bytes.

Here some are stopped at a few chosen changes; ``benchmarks/faults.py`` stops all of them at random.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.commands import LINES, content, differences, link_inputs

FAMILIES = ("generate", "eval generation", "eval rewrite", "merge", "negate", "train lm", "synth preferences")
PATIENCE = 300
"""Seconds for one run, on a machine that is busy with other things."""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stopped_command_goes_on_to_the_same_bytes(
    name: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETOX_PROFILE", "offline")
    whole = link_inputs(inputs, tmp_path / "whole")
    assert run(name, whole) == 0, said(whole)
    count = int((tmp_path / "whole.changes").read_text())
    wanted = content(whole)
    for number, stops in enumerate(
        ((("KILL", count // 3), ("INT", 2), ("KILL", count // 2)), (("KILL", count),))
    ):
        place = link_inputs(inputs, tmp_path / str(number))
        for sent, change in stops:
            before_it = set(place.rglob("*.partial*"))
            code = run(name, place, sent, change)
            assert code in ((-signal.SIGKILL, 0) if sent == "KILL" else (130, 0)), said(place)
            assert "Traceback" not in said(place)
            if sent == "INT":
                assert set(place.rglob("*.partial*")) <= before_it
        assert run(name, place) == 0, said(place)
        assert not (different := differences(wanted, content(place))), (stops, different)
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}
    assert run(name, whole) == 0
    assert not differences(wanted, content(whole))
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}


def run(name: str, place: Path, sent: str | None = None, change: int = 0) -> int:
    """Run the line in a forked process that gets the signal just before it changes the disk for that time."""
    child = os.fork()
    if not child:
        try:
            _become(name, place, sent, change)
        finally:
            os._exit(99)
    deadline = time.monotonic() + PATIENCE
    while not (found := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(found[1])


def said(place: Path) -> str:
    return place.with_name(f"{place.name}.err").read_text(errors="replace")


def _become(name: str, place: Path, sent: str | None, change: int) -> None:
    log = os.open(place.with_name(f"{place.name}.err"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    for handled in (signal.SIGINT, signal.SIGTERM):
        signal.signal(handled, signal.default_int_handler)
    os.chdir(place)
    os.environ["DETOX_CACHE"] = str(place.with_name(f"{place.name}.cache"))
    sys.argv = ["detox", *LINES[name].split(), "--quiet"]
    changes = 0

    def about_to_change() -> None:
        nonlocal changes
        changes += 1
        if changes == change and sent is not None:
            os.kill(os.getpid(), getattr(signal, f"SIG{sent}"))

    _watch(place, about_to_change)
    from detox_cli.__main__ import main

    try:
        main()
    except SystemExit as left:
        if sent is None:
            place.with_name(f"{place.name}.changes").write_text(str(changes))
        os._exit(int(left.code or 0))


def _watch(place: Path, about_to_change: Callable[[], None]) -> None:
    """Call this before a record goes to a journal, and before a file is made, renamed or removed."""
    from detox_cli.runs.journal import Journal

    def watched(self: Journal, line: bytes, write: Any = Journal._write) -> None:
        about_to_change()
        write(self, line)

    Journal._write = watched  # type: ignore[method-assign]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        changing = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
        if event == "open":
            changing = isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if changing and isinstance(arguments[0], str | Path):
            path = Path(arguments[0]).absolute()
            # What ``detox status`` reads is renewed by the clock.
            if place in path.parents and ".status.json" not in path.name:
                about_to_change()

    sys.addaudithook(hear)
