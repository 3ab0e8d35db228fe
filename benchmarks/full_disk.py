"""Commands that write much, on a disk that fills up: one line, nothing half-written, one run's bytes?

    python benchmarks/full_disk.py [--command NAME …] [--keep DIR]      # as one who may mount

Each line runs once undisturbed. Then it runs on small file systems in memory that have room for a share of
what the undisturbed run left. It must end with code 1 and one line that says that the disk is full, and
nothing may stand under the final name. The file system is made larger, and the same line must end in the same
bytes. A run for which the room was enough is no failure; it is told as such.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.stopped import prepare, run_line
from tests.faults.commands import LINES, content, differences, link_inputs, output_of

COMMANDS = (
    "generate",
    "synth pairs",
    "merge",
    "negate",
    "train lm",
    "train bart",
    "eval generation",
    "probe train",
)
SHARES = (0.02, 0.3, 0.6, 0.9)
PAGE = 4096


def main() -> int:
    options = _options()
    place, inputs = prepare(options.keep)
    print("| command | room, share of what it leaves | full | enough | continued to the same bytes |")
    print("|---|---|---|---|---|")
    failed = False
    for name in options.command or COMMANDS:
        folder = place / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        whole = link_inputs(inputs, folder / "whole")
        ended = run_line(name, whole, False)
        if ended.code:
            raise SystemExit((folder / "whole.err").read_text())
        left = [path for path in whole.rglob("*") if path.is_file() and not path.is_symlink()]
        pages = sum(-(-path.stat().st_size // PAGE) for path in left)
        full, faults = 0, []
        for share in SHARES:
            found = _fill(name, folder / f"disk-{share}", inputs, int(pages * share) + 1, content(whole))
            full += found is not None
            faults += found or []
        failed |= bool(faults)
        cells = [name, ", ".join(map(str, SHARES)), full, len(SHARES) - full, "no" if faults else "yes"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        print("".join(f"{name}: {fault}\n" for fault in faults), end="", file=sys.stderr, flush=True)
    return int(failed)


def _fill(name: str, place: Path, inputs: Path, pages: int, wanted: dict[str, str]) -> list[str] | None:
    """What is wrong after a run with so little room and another with enough; ``None`` if it was enough."""
    place.mkdir(parents=True)
    size = f"size={pages * PAGE}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=True)
    try:
        for entry in inputs.iterdir():
            (place / entry.name).symlink_to(entry)
        ended = run_line(name, place, False)
        if not ended.code:
            return None
        said = place.with_name(f"{place.name}.err").read_text()
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        faults = []
        if ended.code != 1 or len(lines) != 1 or "disk is full" not in lines[0] or "Traceback" in said:
            faults.append(f"with {pages} pages it ended with {ended.code}: {said[-1500:]}")
        made = place / output_of(name)
        if (made / "detox.json").exists() or content(place).get(
            made.name, whole := wanted.get(made.name)
        ) != whole:
            faults.append(f"with {pages} pages something is there: {sorted(content(place))}")
        subprocess.run(["mount", "-o", "remount,size=1g", str(place)], check=True)
        ended = run_line(name, place, False)
        if ended.code:
            faults.append(f"continued, it ended with {ended.code}: {said[-1500:]}")
        return faults + differences(wanted, content(place))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", action="append", choices=list(LINES))
    parser.add_argument("--keep", type=Path, help="a folder for everything that is made")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
