"""The same training with several seeds: one folder for all of them, the best one's files in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.runs.manifest import NAME as MANIFEST
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.waiting import link, put_into, remove_waiting

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
    put_into(folder, trained.values())
    for path in trained[best].iterdir():
        if path.name in (MANIFEST, CARD):
            continue
        if path.is_dir():
            put_into(folder, [path])
        else:
            link(path, folder / path.name)


def tidy_seeds(output: Path, seeds: Sequence[int], *, keep: bool) -> None:
    """Remove the waiting place, or of it what is in the output now, where checkpoints are to stay."""
    remove_waiting(output, [seed_folder(output, seed).name for seed in seeds], keep=keep)
