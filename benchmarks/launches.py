"""Trainings in two processes, and what vLLM writes, stopped in the middle and started again.

    python benchmarks/launches.py [--case NAME …] [--signal KILL …] [--keep DIR]

Each case runs once undisturbed. Then it is started once more for each signal, which comes when there is
something to go on from: KILL and TERM to the process that was started alone, as a scheduler or the system
sends them, INT to all of its group, as Ctrl+C does. Within `PATIENCE` seconds none of its processes may be
left and the output must be free; then the same command must end in the bytes of the undisturbed run.

``fewer`` is KILL, and then the same command with one process. It may go on to another end, as steps have
other rows then, or be refused in one line; what it did is told.

DeepSpeed is a library of its own (``pip install deepspeed``), and accelerate has FSDP for GPUs only: see
``tests/services/fsdp_on_cpus.py``. The exit code is 1 if anything was otherwise.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.stopped import options_of
from detox_cli.runs.lock import is_held
from tests.faults.commands import content, differences, link_inputs, surroundings, write_inputs

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "profiles" / "accelerate"
PATIENCE = 60
LM = (
    "train lm builtin:lm --data toxic.txt -o out --epochs 4 --batch-size 4 --eval-share 0.1 "
    "--eval-every 0.5 --precision float32"
)
TUNING = "-o out --epochs 4 --batch-size 4 --val-fraction 0.2 --eval-every 0.5"
"""Command lines of about twenty steps with a checkpoint after every third."""
PLAIN = "--multi_gpu --num_machines 1 --mixed_precision no --dynamo_backend no"
DETOX = "-m detox_cli"


@dataclass(frozen=True)
class Case:
    """What is launched, how, and of what several processes are."""

    line: str
    launch: str | None = None
    runs: str = DETOX

    def words(self, processes: int) -> list[str]:
        """The whole command line."""
        launcher = []
        if self.launch is not None:
            given = self.launch if processes > 1 or "config_file" in self.launch else PLAIN.split(" ", 1)[1]
            launcher = ["-m", "accelerate.commands.launch", *given.split()]
            launcher += ["--num_processes", str(processes), "--main_process_port", "0"]
        return [sys.executable, *launcher, *self.runs.split(), *self.line.split(), "--device", "cpu"]


def _split(name: str) -> str:
    return f"--config_file {SHIPPED / name}.yaml"


CASES = {
    "train lm": Case(LM, PLAIN),
    "train dpo": Case(f"train dpo builtin:lm --data preferences.jsonl {TUNING}", PLAIN),
    "train cmd": Case(f"train cmd builtin:lm --data chains {TUNING}", PLAIN),
    "train bart": Case(
        "train bart pairs.jsonl -o out --epochs 3 --min-steps 0 --batch-size 4 --eval-rows 8 "
        "--eval-every 0.5",
        PLAIN,
    ),
    "train lm, FSDP": Case(LM, _split("fsdp"), str(ROOT / "tests" / "services" / "fsdp_on_cpus.py")),
    "train lm, ZeRO 2": Case(LM, _split("zero2")),
    "train lm, ZeRO 3": Case(LM, _split("zero3")),
    "generate, vLLM": Case(
        "generate base toxic.txt -o out.jsonl --engine vllm --max-new-tokens 60 --num-samples 4"
    ),
}
SIGNALS = ("KILL", "INT", "TERM", "fewer")


def main() -> int:
    options = _options()
    place = Path(options.keep or tempfile.mkdtemp()).resolve()
    inputs = place / "inputs"
    place.mkdir(exist_ok=True)
    if not inputs.exists():
        write_inputs(inputs)
    print(
        "| case | signal | exit code | processes gone after, s | continued | equal |\n" + "|---" * 6 + "|",
        flush=True,
    )
    failed = False
    for name in options.case or CASES:
        case, folder = CASES[name], place / name.replace(" ", "-").replace(",", "")
        shutil.rmtree(folder, ignore_errors=True)
        whole = link_inputs(inputs, folder / "whole")
        process = start(case, whole, 2)
        if process.wait():
            raise SystemExit(said(whole))
        for sent in options.signal:
            if sent == "fewer" and case.launch is None:
                continue
            cells, faults = stopped(case, link_inputs(inputs, folder / sent), sent, whole)
            failed |= bool(faults)
            print(f"| {' | '.join([name, sent, *cells])} |", flush=True)
            print(
                "".join(f"{name}, {sent}: {fault}\n" for fault in faults), end="", file=sys.stderr, flush=True
            )
    return int(failed)


def start(case: Case, place: Path, processes: int) -> subprocess.Popen[bytes]:
    """The command in a session of its own, with what it says in a file beside ``place``."""
    with place.with_name(f"{place.name}.err").open("wb") as log:
        return subprocess.Popen(
            case.words(processes),
            cwd=place,
            env=surroundings(place.with_name(f"{place.name}.cache")) | {"DS_ACCELERATOR": "cpu"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def said(place: Path) -> str:
    """The end of what the command said."""
    return place.with_name(f"{place.name}.err").read_text(errors="replace")[-3000:]


def stopped(case: Case, place: Path, sent: str, whole: Path) -> tuple[list[str], list[str]]:
    """The cells of the row, and what was not as it must be."""
    process = start(case, place, 2)
    while process.poll() is None and not has_begun(place):
        time.sleep(0.02)
    time.sleep(random.uniform(0, 0.3))
    number = getattr(signal, f"SIG{'KILL' if sent == 'fewer' else sent}")
    if process.poll() is None:
        (os.killpg if sent == "INT" else os.kill)(process.pid, number)
    begun, faults = time.monotonic(), []
    code = process.wait()
    output = place / ("out.jsonl" if "out.jsonl" in case.line else "out")
    while ((left := working_in(place)) or is_held(output)) and time.monotonic() - begun < PATIENCE:
        time.sleep(0.05)
    gone = f"{time.monotonic() - begun:.1f}"
    for one in left:
        os.kill(one, signal.SIGKILL)
    if left:
        faults.append(f"{len(left)} processes were left: {said(place)}")
    if is_held(output):
        faults.append("the output was still held")
    if code == 0:
        faults.append("it was done before the signal")
    again = start(case, place, 1 if sent == "fewer" else 2)
    ended, words = again.wait(), said(place)
    different = differences(content(whole), content(place)) if not ended else []
    if sent == "fewer":
        errors = [line for line in words.splitlines() if line.startswith("error: ")]
        if ended and len(errors) != 1:
            faults.append(f"with one process it ended with {ended}: {words}")
        return [
            str(code),
            gone,
            errors[0] if errors else "yes",
            "" if ended else "no" if different else "yes",
        ], faults
    if ended:
        faults.append(f"continued, it ended with {ended}: {words}")
    faults += different
    return [str(code), gone, "no" if ended else "yes", "no" if ended or different else "yes"], faults


def working_in(place: Path) -> list[int]:
    """The processes of the command in ``place``, whatever their session: each has the name of its cache."""
    found, mark = [], f"DETOX_CACHE={place.with_name(f'{place.name}.cache')}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def has_begun(place: Path) -> bool:
    """Whether there is a checkpoint, or a few records."""
    journal = place / "out.jsonl.journal"
    lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
    return lines > 3 or any(place.glob("out.training/checkpoint-*/trainer_state.json"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return options_of(parser, SIGNALS, "--case", CASES)


if __name__ == "__main__":
    sys.exit(main())
