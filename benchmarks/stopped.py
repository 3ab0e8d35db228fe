"""Command lines in processes of their own, forked where everything is imported, and stopped by signals."""

import argparse
import os
import pkgutil
import random
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.faults.commands import LINES, surroundings, write_inputs, write_probe

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Ended:
    """How a process ended: its exit code, minus the signal's number if that ended it, and its seconds."""

    code: int
    seconds: float
    stopped_at: float | None
    left: list[int]


def options_of(
    parser: argparse.ArgumentParser, signals: Sequence[str], names: str, choices: Iterable[str]
) -> argparse.Namespace:
    """The options of the command line: by ``names`` what is stopped, by which of ``signals``, and where."""
    parser.add_argument(names, action="append", choices=list(choices), help="all if none is named")
    parser.add_argument("--signal", action="append", choices=signals, help="all if none is named")
    parser.add_argument("--keep", type=Path, help="a folder for everything that is made")
    options = parser.parse_args()
    options.signal = options.signal or signals
    return options


def prepare(keep: Path | None) -> tuple[Path, Path]:
    """The folder in which everything is made, and that of the inputs; from here commands can be forked."""
    place = Path(keep or tempfile.mkdtemp()).resolve()
    place.mkdir(exist_ok=True)
    os.environ.update(surroundings(place / "cache") | {"TOKENIZERS_PARALLELISM": "false"})
    inputs = place / "inputs"
    if not inputs.exists():
        child = os.fork()  # what has computed something cannot be forked safely
        if not child:
            write_inputs(inputs)
            write_probe(inputs)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the inputs could not be made")
    _import_libraries()
    return place, inputs


def _import_libraries() -> None:
    """What commands import, in this process; nothing is computed, so that it can be forked."""
    import detox_cli.services

    for module in pkgutil.walk_packages(detox_cli.services.__path__, "detox_cli.services."):
        import_module(module.name)


def run_line(
    name: str,
    place: Path,
    start: bool,
    sent: str = "KILL",
    moment: float | None = None,
    chance: random.Random | None = None,
) -> Ended:
    """One run in a session of its own, stopped when it has used ``moment`` seconds of processor."""
    child = os.fork()
    if not child:
        _become(name, place, start)
    stopped_at = None
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if moment is not None and stopped_at is None and (now := _processor_seconds(child)) >= moment:
            assert chance is not None
            time.sleep(chance.uniform(0, 0.02))
            stopped_at = now
            _send(child, sent, chance)
        time.sleep(0.002)
    left = _in_session(child)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return Ended(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, stopped_at, left)


def _become(name: str, place: Path, start: bool) -> None:
    """Be the command, in a forked process."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(place.parent / f"{place.name}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    os.chdir(place)
    os.environ["DETOX_CACHE"] = str(place.parent / f"{place.name}.cache")
    words = [*LINES[name].split(), "--quiet"]
    if start:
        os.execv(sys.executable, [sys.executable, "-m", "detox_cli", *words])
    sys.argv = ["detox", *words]
    try:
        runpy.run_module("detox_cli", run_name="__main__")
    except SystemExit as left:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        modules_of(place).write_text("\n".join(list(sys.modules)))
        # To take down all that was imported takes longer than the work, and is none of it.
        os._exit(int(left.code or 0))
    raise AssertionError("a command leaves")


def _send(child: int, sent: str, chance: random.Random) -> None:
    first, *more = ("INT", chance.choice(("INT", "TERM"))) if sent == "twice" else (sent,)
    os.kill(child, getattr(signal, f"SIG{first}"))
    for second in more:
        time.sleep(chance.uniform(0, 0.3))
        os.kill(child, getattr(signal, f"SIG{second}"))  # not yet waited for, so still the same process


def _stat(process: str | int) -> list[str]:
    """What stands in ``/proc/ID/stat`` behind the name."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _processor_seconds(process: int) -> float:
    found = _stat(process)
    return (int(found[11]) + int(found[12])) / TICKS if found else 0.0


def _in_session(leader: int) -> list[int]:
    ids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(one) for one in ids if _stat(one)[3:4] == [str(leader)]]


def modules_of(place: Path) -> Path:
    """Where a run lists what it has imported."""
    return place.parent / f"{place.name}.modules"
