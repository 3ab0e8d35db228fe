"""The same training with several seeds: one folder for all of them, the best one's files in it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.runs.manifest import NAME as MANIFEST
from detox_cli.services.training.processes import training_folder

CARD = "README.md"


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise ``BadSettings`` for a single seed, or one that is there twice; none at all is fine."""
    if seeds and len(set(seeds)) < max(2, len(seeds)):
        raise BadSettings(
            "several seeds are at least two, and different ones",
            where="--seeds",
            hint="write --seeds 0,1,2; for one training there is --seed",
        )


def seed_folder(output: Path, seed: int) -> Path:
    """Where the finished model of a seed waits for the others."""
    return training_folder(output) / f"seed-{seed}"


def gather(folder: Path, trained: Mapping[int, Path], best: int) -> None:
    """Put every seed's folder into ``folder``, and the best one's files, but for card and manifest.

    Args:
        folder: Of the output, not yet in its place.
        trained: The finished folder of each seed.
        best: The seed whose model is to stand in the output itself.
    """
    for path in trained.values():
        shutil.copytree(path, folder / path.name, copy_function=_link)
    for path in trained[best].iterdir():
        if path.name in (MANIFEST, CARD):
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, copy_function=_link)
        else:
            _link(path, folder / path.name)


def tidy_seeds(output: Path, seeds: Sequence[int], *, keep: bool) -> None:
    """Remove the waiting place, or of it what is in the output now, where checkpoints are to stay."""
    if not keep:
        shutil.rmtree(training_folder(output), ignore_errors=True)
        return
    for seed in seeds:
        shutil.rmtree(seed_folder(output, seed), ignore_errors=True)


def _link(source: str | Path, target: str | Path) -> object:
    """The same file under a second name, or a copy where the system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        return shutil.copy2(source, target)
    return target
