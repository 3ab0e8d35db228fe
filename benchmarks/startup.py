"""What starting ``detox`` and pressing Tab cost, against what ``import typer`` costs on the same machine.

    python benchmarks/startup.py [--rounds 7] [--json]

Every number is processor time (user + system) of child processes, the median over the rounds; the cases are
measured in turn within a round, so that a machine that slows down slows all of them. The bars are ratios to
``import typer``. A Tab inside a running shell is the difference between a shell that completes ``REPEATS``
times and one that does not, divided by ``REPEATS``.
"""

import argparse
import json
import os
import pty
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "completions"
DETOX = Path(sys.executable).with_name("detox")
LINE = "detox train bart --mod"
REPEATS = 40
CONTROL_X, CONTROL_Y = "\x18", "\x19"
DUMP = Path(tempfile.gettempdir()) / f"detox-zcompdump-{os.getuid()}"
BASE = "import typer"

BASH = """
source {script}
COMP_LINE='{line}' COMP_POINT={point} COMP_WORDS=({line}) COMP_CWORD=3
for ((n = 0; n < {times}; n++)); do _detox; done
[[ {times} -eq 0 || ${{COMPREPLY[0]}} == --model ]]
"""
FISH = """
source {script}
for n in (seq {times})
    set found (complete -C '{line}')
end
test {times} -eq 0; or string match -q -- '--model*' $found
"""
ZSH = """
autoload -Uz compinit; compinit -u -d {dump}; source {script}; found=0
again() {{
    local n; for ((n = 0; n < {times}; n++)) {{ _main_complete }}
    found=$compstate[nmatches]; compstate[insert]= compstate[list]=
}}
zle -C again complete-word again; bindkey '^X' again; bindkey '^Y' kill-whole-line; PS1=; print REA''DY
"""
DYNAMIC = """
from typer.completion import completion_init
completion_init()
from detox_cli.app import app
app(prog_name='detox')
"""


@dataclass(frozen=True)
class Case:
    """Something to measure; ``bar`` is the largest allowed ratio to `BASE`, if there is one."""

    name: str
    measure: Callable[[], float]
    bar: float | None = None


def environment() -> dict[str, str]:
    """The user's environment, with bytecode written and nothing that changes what is imported."""
    drop = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in drop}


def cpu_ms(command: list[str], extra: dict[str, str] | None = None) -> float:
    """Processor time of a command in milliseconds.

    Raises:
        RuntimeError: The command failed.
    """
    null = subprocess.DEVNULL
    child = subprocess.Popen(
        command, stdin=null, stdout=null, stderr=subprocess.PIPE, env=environment() | (extra or {})
    )
    assert child.stderr
    complaint = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command[:3]} left with {child.returncode}: {complaint[-500:]}")
    return 1000 * (usage.ru_utime + usage.ru_stime)


def shell_ms(shell: str, times: int) -> float:
    """Processor time of a whole shell that loads the static script and completes `LINE` ``times`` times."""
    script = SCRIPTS / {"bash": "detox.bash", "zsh": "_detox", "fish": "detox.fish"}[shell]
    values = {"script": script, "line": LINE, "point": len(LINE), "times": times, "dump": DUMP}
    if shell == "bash":
        return cpu_ms(["bash", "--norc", "-c", BASH.format(**values)])
    if shell == "fish":
        return cpu_ms(["fish", "-N", "-c", FISH.format(**values)])
    return zsh_ms(ZSH.format(**values), times)


def zsh_ms(setup: str, times: int) -> float:
    """The same for zsh, whose completion functions run only in its line editor, so in a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment() | {"TERM": "dumb"})
    os.write(terminal, setup.strip().encode() + b"\r")
    wait_for(terminal, b"READY")
    keys = f"{LINE}{CONTROL_X}{CONTROL_Y}exit $((found == 0 && {times} > 0))\r"
    os.write(terminal, keys.encode())
    wait_for(terminal, None)
    _, status, usage = os.wait4(pid, 0)
    os.close(terminal)
    if status:
        raise RuntimeError("zsh completed nothing")
    return 1000 * (usage.ru_utime + usage.ru_stime)


def wait_for(terminal: int, mark: bytes | None) -> None:
    """Read until ``mark``, or to the end."""
    seen = b""
    while mark is None or mark not in seen:
        try:
            text = os.read(terminal, 65536)
        except OSError:  # Linux ends a pseudo-terminal so
            return
        if not text:
            return
        seen += text


def tab_ms(shell: str) -> float:
    """One Tab inside a running shell."""
    return (shell_ms(shell, REPEATS) - shell_ms(shell, 0)) / REPEATS


def dynamic_ms() -> float:
    """One Tab as Typer's own script would do it: a Python process that imports the tree and the command."""
    words = {"COMP_WORDS": LINE, "COMP_CWORD": "3", "_DETOX_COMPLETE": "complete_bash"}
    return cpu_ms([sys.executable, "-c", DYNAMIC], words)


def cases() -> list[Case]:
    """All that is measured; the bars come from 110, 300 and 20 ms where ``import typer`` takes 87."""
    python = sys.executable
    found = [
        Case("python -c pass", lambda: cpu_ms([python, "-c", "pass"])),
        Case(BASE, lambda: cpu_ms([python, "-c", BASE])),
        Case("detox --help", lambda: cpu_ms([str(DETOX), "--help"]), 110 / 87),
        Case("detox train bart --help", lambda: cpu_ms([str(DETOX), "train", "bart", "--help"]), 300 / 87),
        Case("Tab, Typer's own (bash)", dynamic_ms),
    ]
    for shell in filter(shutil.which, ("bash", "zsh", "fish")):
        found.append(Case(f"Tab in {shell}", lambda shell=shell: tab_ms(shell), 20 / 87))
        found.append(Case(f"{shell}: start, load, one Tab", lambda shell=shell: shell_ms(shell, 1)))
    return found


def measure(rounds: int) -> list[dict[str, object]]:
    """Rows of name, median milliseconds, ratio to `BASE`, bar and whether it holds."""
    todo = cases()
    for case in todo:
        case.measure()
    times = [[case.measure() for case in todo] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    base = medians[[case.name for case in todo].index(BASE)]
    rows = []
    for case, median in zip(todo, medians, strict=True):
        ratio = median / base
        holds = None if case.bar is None else ratio <= case.bar
        rows.append({"case": case.name, "ms": median, "ratio": ratio, "bar": case.bar, "holds": holds})
    return rows


def main() -> int:
    """Print the table; leave with 1 if a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = measure(given.rounds)
    if given.json:
        print(json.dumps(rows, indent=2))
    else:
        print(f"{'case':28} {'CPU ms':>8} {'ratio':>7} {'bar':>6}")
        for row in rows:
            bar = f"{row['bar']:6.2f}" if row["bar"] else "     -"
            verdict = {True: "pass", False: "FAIL", None: ""}[row["holds"]]
            print(f"{row['case']:28} {row['ms']:8.1f} {row['ratio']:7.2f} {bar} {verdict}".rstrip())
    return 0 if all(row["holds"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
