"""Finished models of a run of several, which wait in ``OUTPUT.training`` until all are there."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from detox_cli.services.training.processes import training_folder


def put_into(folder: Path, trained: Iterable[Path]) -> None:
    """Put finished folders into ``folder``, under their names; they stay where they are, too."""
    for path in trained:
        shutil.copytree(path, folder / path.name, copy_function=link)


def link(source: str | Path, target: str | Path) -> object:
    """The same file under a second name, or a copy where the system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        return shutil.copy2(source, target)
    return target


def remove_waiting(output: Path, names: Iterable[str], *, keep: bool) -> None:
    """Remove the waiting place, or where checkpoints are to stay what is in the output now, by ``names``."""
    waiting = training_folder(output)
    if not keep:
        shutil.rmtree(waiting, ignore_errors=True)
        return
    for name in names:
        shutil.rmtree(waiting / name, ignore_errors=True)
