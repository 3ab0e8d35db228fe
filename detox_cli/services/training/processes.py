"""Several processes that train one model: who they are, and what the first one says for all."""

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from detox_cli.runs.output import Claim, State, claim_output
from detox_cli.services.training.sharding import check_start

T = TypeVar("T")
LAUNCHED = ("WORLD_SIZE", "ACCELERATE_MIXED_PRECISION")
"""What torchrun and ``accelerate launch`` tell the processes that they start."""
_SIGNAL_AT_DEATH = 1
PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one, which alone measures at the end, folds adapters and writes."""


def join_processes(device: str) -> None:
    """Find the other processes that train, if there are any; ``device`` is ``auto`` or ``cpu``.

    The first `PartialState` decides for all: without a GPU it has to be told that processes talk on the CPU.
    In which numbers is trained is said by ``--precision``, not by the configuration of accelerate.

    Raises:
        BadSettings: A model is to be split in a way that leaves processes without their start.
    """
    check_start()
    _end_with_launcher()
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    PartialState(cpu=device == "cpu" or not torch.cuda.is_available(), timeout=PATIENCE)


def _end_with_launcher() -> None:
    """Have Linux end this process when the one that has launched it is killed.

    Otherwise it would train on alone and hold the output. What is on the disk can always be gone on with.
    """
    if sys.platform == "linux" and any(name in os.environ for name in LAUNCHED):
        ctypes.CDLL(None).prctl(_SIGNAL_AT_DEATH, signal.SIGKILL)


def is_first() -> bool:
    """Whether this is the process that alone speaks and writes."""
    return bool(PartialState().is_main_process)


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait_for_all() -> None:
    """Go on when all processes are here."""
    PartialState().wait_for_everyone()


def same_for_all(value: T) -> T:
    """What the first process says, on every process."""
    said: list[T] = [value]
    if PartialState().num_processes > 1:
        broadcast_object_list(said)
    return said[0]


@contextmanager
def claimed(output: Path, identity: str, *, overwrite: bool) -> Iterator[Claim]:
    """The output, locked by the first process; the others start when it is, and know what it has found.

    Checkpoints of another run are removed when a run begins.
    """
    if not is_first():
        PartialState().wait_for_everyone()
        yield Claim(output, identity, same_for_all(State.FRESH))
        return
    with claim_output(output, identity, overwrite=overwrite) as claim:
        if claim.state is State.FRESH:
            shutil.rmtree(training_folder(output), ignore_errors=True)
        PartialState().wait_for_everyone()
        same_for_all(claim.state)
        yield claim


def training_folder(output: Path) -> Path:
    """Where the checkpoints of an unfinished run are."""
    return output.with_name(output.name + ".training")
