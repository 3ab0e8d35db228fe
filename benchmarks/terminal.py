"""The picture on the front page: ``detox demo`` in a terminal, run for it. ``python benchmarks/terminal.py``

Runs the command on a pseudo-terminal in an empty folder, keeps what a person sees when it has ended, and
writes ``docs/terminal.svg``. Sentences are masked by the demo itself.
"""

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/terminal.svg"
COMMAND = "detox demo"
COLUMNS = 104
LAST = "references"
"""The picture ends with the line that begins so, the last one of the scores; more tables follow it."""

SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")
NO_WEB_FONT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown = screen(record(COMMAND, Path(folder)))
    end = next(place for place, line in enumerate(shown) if plain(line).strip().startswith(LAST))
    PICTURE.write_text(svg([f"$ {COMMAND}", *shown[: end + 1], "…"]), encoding="utf-8")
    print(PICTURE)


def record(command: str, folder: Path) -> str:
    """Everything that a command writes to a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        kept = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
        os.execve(sys.executable, [sys.executable, "-m", "detox_cli", *command.split()[1:]], kept)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    written = b""
    while block := read(terminal):
        written += block
    if status := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit(f"{command} ended with {status}:\n{written.decode()}")
    return written.decode("utf-8")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so at the end of a pseudo-terminal
        return b""


def screen(written: str) -> list[str]:
    """The lines that stand there in the end, with their colours: bars have been drawn over and erased."""
    lines: list[list[tuple[str, str]]] = [[]]
    row, column, colour = 0, 0, ""
    for values, code, control, text in SEQUENCE.findall(written):
        if code == "m":
            colour = "" if values in ("", "0") else f"{colour}\x1b[{values}m"
        elif code == "A":
            row = max(0, row - int(values or 1))
        elif code == "K":
            lines[row] = lines[row][:column] if values in ("", "0") else []
        elif control == "\r":
            column = 0
        elif control == "\n":
            row += 1
            lines += [[] for _ in range(row + 1 - len(lines))]
        for character in text:
            lines[row] += [(" ", "")] * (column + 1 - len(lines[row]))
            lines[row][column] = (character, colour)
            column += 1
    return ["".join(map(coloured, *zip(*runs(line), strict=True))) if line else "" for line in lines]


def runs(line: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Characters that follow each other in one colour, as one text."""
    return [("".join(it for it, _ in run), colour) for colour, run in groupby(line, key=itemgetter(1))]


def coloured(text: str, colour: str) -> str:
    return f"{colour}{text}\x1b[0m" if colour else text


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def svg(lines: list[str]) -> str:
    """A picture that loads nothing from elsewhere, the same for the same lines."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        picture = console.export_svg(title=COMMAND, theme=MONOKAI, code_format=NO_WEB_FONT, unique_id="detox")
    return picture.replace("Fira Code, monospace", "monospace")


if __name__ == "__main__":
    main()
