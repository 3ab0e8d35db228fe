"""Every command that makes something, stopped at random moments and started again: the bytes of one run?

    python benchmarks/faults.py [--command NAME …] [--stops 20] [--signal KILL …] [--seed 0] [--keep DIR]

Each line of ``tests/faults/commands.py`` runs once undisturbed. Then, in a fresh folder, the same line is
started, stopped by a signal and started again, until it ends by itself; with another fresh folder it goes on
like this until ``--stops`` stops are reached. ``twice`` is SIGINT, and within a third of a second SIGINT or
SIGTERM.

A moment is an amount of processor time of the command, drawn from all that an undisturbed run takes, one
from each of as many equal parts as there are stops: a busy machine moves no moment. One stop in ten is of a
process that starts with Python itself; for the others a process that has imported what the command imports,
and nothing else, is forked, so that these meet the work and not the imports.

A finished run is started again as it is, and where everything may only be read: neither may change anything
or fail. After each end all files must be there with the bytes of the undisturbed run, and no others; of
manifests all but times, memory, versions and how many rows an earlier run had done. After INT and TERM the
exit code must be 130, without a traceback, nothing half-written may lie beside the outputs, and no process of
the command may be left. Only where Python has not yet begun with the program may the signal itself end it,
and only after the result may it be without effect.

The exit code is 1 if anything was otherwise. With ``--keep`` results are kept, and a later call goes on.
"""

import argparse
import json
import random
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.stopped import Ended, modules_of, options_of, prepare, run_line
from tests.faults.closing import closing
from tests.faults.commands import LINES, content, differences, link_inputs

SIGNALS = ("KILL", "INT", "TERM", "twice")
LIBRARIES = {
    "detox_cli",
    "torch",
    "transformers",
    "peft",
    "trl",
    "accelerate",
    "matplotlib",
    "pandas",
    "scipy",
}
BEFORE_THE_PROGRAM = 0.15
"""Seconds of processor in which Python has perhaps not reached the program's first line."""
AFTER_THE_RESULT = 1.5
"""Seconds of processor that may follow a signal without effect: Python takes its libraries down."""


@dataclass
class Series:
    """What became of one command under one signal."""

    command: str
    signal: str
    stops: int = 0
    fresh: int = 0
    midway: int = 0
    late: int = 0
    ends: int = 0
    seconds: float = 0
    faults: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Of the table."""
        cells = [self.command, self.signal, self.stops, self.fresh, self.midway, self.late, self.ends]
        return f"| {' | '.join(map(str, cells))} | {'no' if self.faults else 'yes'} | {self.seconds:.1f} |"


HEAD = (
    "| command | signal | stops | of a whole start | midway | too late | ends | equal | processor seconds |"
)


def main() -> int:
    options = _options()
    place, inputs = prepare(options.keep)
    kept = place / "results.jsonl"
    done = [Series(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.exists() else []
    print(HEAD + "\n" + "|---" * 9 + "|", flush=True)
    failed = False
    for name in options.command or LINES:
        whole: float | None = None
        for sent in options.signal:
            series = next((one for one in done if (one.command, one.signal) == (name, sent)), None)
            if series is None:
                folder = place / name.replace(" ", "-")
                series = Series(name, sent)
                whole = whole or _undisturbed(name, folder, inputs, series)
                if not series.faults:
                    chance = random.Random(f"{options.seed} {name} {sent}")
                    series.seconds = whole
                    _disturb(series, folder, inputs, options.stops, chance)
                with kept.open("a") as file:
                    file.write(json.dumps(asdict(series)) + "\n")
            failed |= bool(series.faults)
            print(series.row(), flush=True)
            print(
                "".join(f"{name}, {sent}: {fault}\n" for fault in series.faults),
                end="",
                file=sys.stderr,
                flush=True,
            )
    if options.keep is None:
        shutil.rmtree(place)
    return int(failed)


def _import_the_same(place: Path) -> None:
    """What the run in ``place`` has imported on its way, so that later ones begin with their work."""
    for name in modules_of(place).read_text().split():
        if name not in sys.modules and name.split(".")[0] in LIBRARIES:
            with suppress(ImportError):  # some are put there under another name
                import_module(name)


def _undisturbed(name: str, folder: Path, inputs: Path, series: Series) -> float:
    """The processor seconds of a whole run; two must be equal, and two more must change nothing.

    For the last one everything may only be read.
    """
    whole, second = _fresh(folder / "whole", inputs), _fresh(folder / "second", inputs)
    ended = run_line(name, whole, False)
    _import_the_same(whole)
    if not ended.code:
        ended = run_line(name, second, False)
    seconds, wanted = ended.seconds, content(whole)
    series.faults += [f"a second run: {fault}" for fault in differences(wanted, content(second))]
    if not ended.code:
        ended = run_line(name, second, False)
        series.faults += [f"the same again: {fault}" for fault in differences(wanted, content(second))]
    if not ended.code:
        with closing() as close:
            ended = run_line(name, close(second), False)
    if ended.code:
        said = [_said(place) for place in (whole, second) if place.with_name(f"{place.name}.err").exists()]
        series.faults = [f"undisturbed in {second}, it ended with {ended.code}: {' '.join(said)}"]
    return seconds


def _disturb(series: Series, folder: Path, inputs: Path, stops: int, chance: random.Random) -> None:
    """Stop and start again until there were so many stops, and let the last run end."""
    wanted = content(folder / "whole")
    parts = [(part + chance.random()) / stops for part in range(stops)]
    chance.shuffle(parts)
    while series.stops < stops and len(series.faults) < 3 and series.ends < 3 * stops:
        place = _fresh(folder / f"{series.signal}-{series.ends}", inputs)
        ended = None
        while ended is None:
            ended = _stopped(series, place, parts, stops, chance)
        series.ends += 1
        if ended.code:
            series.faults.append(f"continued in {place}, it ended with {ended.code}: {_said(place)}")
            continue
        different = differences(wanted, content(place))
        series.faults.extend(f"{place}: {fault}" for fault in different)
        if not different:
            shutil.rmtree(place)


def _stopped(
    series: Series, place: Path, parts: list[float], stops: int, chance: random.Random
) -> Ended | None:
    """One run, and how it ended if it was not stopped; a moment that is not reached stays for another run."""
    if series.stops >= stops:
        return run_line(series.command, place, False)
    start = series.stops % 10 == 4
    at = parts[series.stops % len(parts)] * series.seconds
    begun = chance.uniform(0, 3) if start else 0  # what Python and the imports take
    ended = run_line(series.command, place, start, series.signal, at + begun, chance)
    if ended.stopped_at is None:
        parts.append(parts.pop(series.stops % len(parts)))
        return ended
    series.faults += _broken(series.signal, ended, start, place)
    if ended.code == 0:
        series.late += 1
        return ended
    series.stops += 1
    series.fresh += start
    series.midway += len(content(place)) > 0
    return None


def _broken(sent: str, ended: Ended, start: bool, place: Path) -> list[str]:
    """What a stop has left that it must not leave."""
    found = [f"processes {ended.left} were left in {place}"] if ended.left else []
    if sent == "KILL":
        return found
    at = ended.stopped_at or 0.0
    early = start and at < BEFORE_THE_PROGRAM and ended.code < 0
    late = ended.code == 0 and ended.seconds - at < (AFTER_THE_RESULT if start else 0.1)
    said = _said(place)
    if not early and not late and ended.code != 130:
        found.append(
            f"stopped at {at:.2f} of {ended.seconds:.2f} s in {place} it ended with {ended.code}: {said}"
        )
    if not early and "Traceback" in said:
        found.append(f"stopped at {at:.2f} s in {place} it showed: {said}")
    if sent != "twice" and (half := [path.name for path in place.rglob("*.partial*")]):
        found.append(f"stopped at {at:.2f} s in {place} it left {half}")
    return found


def _said(place: Path) -> str:
    return (place.parent / f"{place.name}.err").read_text(errors="replace")[-1500:]


def _fresh(place: Path, inputs: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(place.parent / f"{place.name}.cache", ignore_errors=True)
    return link_inputs(inputs, place)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stops", "--kills", type=int, default=20, help="of each command by each signal")
    parser.add_argument("--seed", type=int, default=0)
    return options_of(parser, SIGNALS, "--command", LINES)


if __name__ == "__main__":
    sys.exit(main())
