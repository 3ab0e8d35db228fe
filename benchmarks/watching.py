"""Run a program and note what it costs: processor seconds at every line that it prints, and peak memory.

A program that asks gets a terminal, and answers by a script of what to wait for and which keys to press.
"""

import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
DOWN, UP, ENTER = "\x1b[B", "\x1b[A", "\r"


@dataclass
class Watched:
    """What a run cost.

    Attributes:
        code: Its exit code.
        cpu_s: Processor seconds of the program and its finished children, user and system.
        wall_s: Seconds by the clock.
        peak_mb: The largest resident memory.
        lines: What it printed, each line with the processor seconds until then.
    """

    code: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)

    def cpu_at(self, pattern: str) -> float:
        """Processor seconds when the first line with a pattern came."""
        found = next((seconds for seconds, line in self.lines if re.search(pattern, line)), None)
        if found is None:
            raise LookupError(f"no line with {pattern!r}")
        return found


def watch(
    command: Sequence[str],
    answers: Sequence[tuple[str, str]] = (),
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    log: Path | None = None,
) -> Watched:
    """Run a command on one thread in a terminal of its own; ``answers`` are patterns and keys, in order."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    start = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**os.environ, **ONE_THREAD, "TERM": "xterm", **(environment or {})},
        start_new_session=True,
    )
    os.close(slave)
    found, waiting, rest, screen = Watched(), list(answers), "", ""
    while True:
        ready = select.select([master], [], [], 0.2)[0]
        note_costs(process.pid, found)
        if ready:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            if not chunk:
                break
            text = ESCAPES.sub("", chunk.decode("utf-8", "replace"))
            screen += text
            *whole, rest = (rest + text).split("\n")
            found.lines += [(found.cpu_s, line) for line in whole if line.strip()]
            if log is not None:
                with log.open("a", encoding="utf-8") as file:
                    file.writelines(f"{found.cpu_s:8.2f} {line}\n" for line in whole if line.strip())
        elif waiting and re.search(waiting[0][0], screen):
            time.sleep(0.5)
            os.write(master, waiting.pop(0)[1].encode())
            screen = ""
    _, status, used = os.wait4(process.pid, 0)
    found.code = os.waitstatus_to_exitcode(status)
    found.cpu_s, found.wall_s = used.ru_utime + used.ru_stime, time.perf_counter() - start
    os.close(master)
    return found


def note_costs(pid: int, found: Watched) -> None:
    """Processor seconds and peak memory so far; ``ru_maxrss`` would count what the starting process held."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return
    seconds = sum(int(stat[place]) for place in (11, 12, 13, 14)) / TICKS
    found.cpu_s = max(found.cpu_s, seconds)
    if "VmHWM:" in status:
        found.peak_mb = max(found.peak_mb, int(status.split("VmHWM:")[1].split()[0]) / 1024)
