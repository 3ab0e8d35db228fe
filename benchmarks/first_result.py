"""From ``git clone`` to the first result, as the README has it: seconds and processor time of each step.

    python benchmarks/first_result.py [--source .] [--keep FOLDER]

Clones the project into an empty folder, runs the README's own line for trying it there, command by command,
and then its two commands with rows and models that come with detox. Nothing of the environment that runs this
reaches the new one. What the installation costs depends on the network and on what pip has kept, so it stands
apart, with the bytes of its packages by where they came from.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRIED = re.compile(r"<!-- demo -->\n```bash\n(.+)\n```")
OWN = (
    ".venv/bin/detox synth pairs builtin:pairs -o pairs.jsonl --limit 100 --profile offline",
    ".venv/bin/detox train bart pairs.jsonl -o rewriter --profile offline",
)
"""The README's two commands, for a hundred sentences and the bundled models."""

FETCHED = re.compile(r"(Downloading|Using cached) \S+ \((\d+(?:\.\d+)?) ([kMG]?B)\)")
LOCAL = re.compile(r"Processing (/\S+\.whl)")
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True)
class Step:
    """A command that has ended: seconds of the clock, seconds of processor time, largest process in GB."""

    command: str
    wall: float
    cpu: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default=str(ROOT), help="what is cloned")
    parser.add_argument("--keep", type=Path, help="clone into this new folder and leave it there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder) / "detox"
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning\n")
        print(f"{'seconds':>8} {'CPU s':>8} {'GB':>5}  command")
        show(list(steps(given.source, place.resolve())), Path(f"{place}.pip.log"))


def steps(source: str, place: Path) -> Iterator[Step]:
    """Every step, run when it is asked for."""
    yield step(f"git clone -q {source} {place}", Path.cwd())
    found = TRIED.search((place / "README.md").read_text(encoding="utf-8"))
    if not found:
        sys.exit("README.md lacks its line for trying detox")
    for command in (*found[1].split(" && "), *OWN):
        yield step(command, place)


def step(command: str, folder: Path) -> Step:
    """Run a command in ``folder`` and say what it cost; its output is shown only if it fails."""
    drop = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        begin = time.perf_counter()
        child = subprocess.Popen(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=folder,
            env=kept | {"PIP_LOG": f"{folder}.pip.log"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            sys.exit(f"{command} ended with {child.returncode}:\n{said.read()[-2000:]}")
    done = Step(command, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)
    print(f"{done.wall:8.1f} {done.cpu:8.1f} {done.memory:5.2f}  {done.command}", flush=True)
    return done


def show(done: list[Step], log: Path) -> None:
    """The sums, and the bytes of packages by origin."""
    demo = next(number for number, one in enumerate(done, start=1) if one.command.endswith("detox demo"))
    install = [one for one in done[:demo] if "pip install" in one.command]
    print(f"\ngit clone to the end of detox demo: {seconds(done[:demo])}; installing: {seconds(install)}")
    sizes = packages(log.read_text(encoding="utf-8", errors="replace"))
    print("packages: " + ", ".join(f"{size / 1e6:.0f} MB {origin}" for origin, size in sorted(sizes.items())))


def seconds(steps: list[Step]) -> str:
    """What steps cost together."""
    wall, cpu = sum(one.wall for one in steps), sum(one.cpu for one in steps)
    return f"{wall:.0f} seconds ({cpu:.0f} of processor time)"


def packages(log: str) -> Counter[str]:
    """Bytes of wheels by origin, from pip's log."""
    sizes: Counter[str] = Counter()
    for word, number, unit in FETCHED.findall(log):
        origin = "downloaded" if word == "Downloading" else "from pip's cache"
        sizes[origin] += int(float(number) * UNITS[unit])
    for wheel in set(LOCAL.findall(log)):
        sizes["from this machine"] += Path(wheel).stat().st_size
    return sizes


if __name__ == "__main__":
    main()
