"""A trained adapter becomes part of the model, by the road of ``detox merge``."""

import shutil
from pathlib import Path
from typing import Protocol

from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.services.merge import run as merge
from detox_cli.services.merge.result import Folded
from detox_cli.services.training.processes import training_folder
from detox_cli.settings.merge import MergeSettings

ADAPTER, MERGED = "adapter", "merged"
NOT_TAKEN = ("README.md", "detox.json", "recipe.yml")


class FoldSettings(Protocol):
    """Settings of a command that can fold the adapter that it has trained."""

    @property
    def output(self) -> Path: ...  # noqa: D102
    @property
    def merge_dtype(self) -> str | None: ...  # noqa: D102
    @property
    def keep_adapter(self) -> bool: ...  # noqa: D102


def fold_into(
    folder: Path, adapter: Path, source: ModelSource, settings: FoldSettings, progress: Progress
) -> Folded | None:
    """Fold ``adapter`` into the model of ``source`` and put the files into ``folder``.

    Raises:
        DetoxError: The folded model gives other logits than model and adapter, or the disk is full.
    """
    merged = training_folder(settings.output) / MERGED
    wanted = {
        "models": (f"{source.name}@{source.revision}" if source.revision else source.name,),
        "adapter": adapter,
        "dtype": settings.merge_dtype,
        "output": merged,
        "overwrite": True,
    }
    result = merge.run(MergeSettings.model_validate(wanted), progress)
    for path in merged.iterdir():
        if path.name not in NOT_TAKEN:
            shutil.move(path, folder / path.name)
    if settings.keep_adapter:
        shutil.copytree(adapter, folder / ADAPTER)
    return result.folded
