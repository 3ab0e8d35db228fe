"""The stages of a recipe in several documents: merges of their own, each finished once and kept."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import yaml

from detox_cli.errors import BadSettings
from detox_cli.models.merging.recipe_yaml import read_recipe
from detox_cli.output.progress import Progress
from detox_cli.services.merge.recipe import recipe_of, staged_recipe, stages_folder
from detox_cli.settings.merge import MergeSettings

Merge = Callable[[MergeSettings, Progress], object]


def make_stages(settings: MergeSettings, merge: Merge, progress: Progress) -> None:
    """Make what the last recipe of a file starts from, in ``OUTPUT.stages``; what is there already stays.

    Every recipe is read before the first is followed. ``--dtype`` and ``--tokenizer`` are for the last one.

    Args:
        settings: Of the whole.
        merge: Makes one.
        progress: Is told which.

    Raises:
        BadData: A recipe cannot be followed.
    """
    staged = staged_recipe(settings)
    if staged is None:
        return
    recipe_of(settings)
    for name, content in staged.stages.items():
        read_recipe(content, f"{settings.recipe}: {name}")
    folder = stages_folder(settings.output)
    for name, content in staged.stages.items():
        recipe = folder / f"{name}.yml"
        folder.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
        recipe.write_text(text, encoding="utf-8")
        progress.stage(f"stage {name}")
        own = {"recipe": recipe, "output": folder / name, "dtype": None, "tokenizer": None}
        try:
            merge(settings.model_copy(update=own), progress)
        finally:
            _leave_nothing_of(folder / name, recipe)


def _leave_nothing_of(stage: Path, recipe: Path) -> None:
    """Where a stage was not made, its recipe goes, and the folder of all if that leaves it empty."""
    if not stage.is_dir():
        recipe.unlink()
        with suppress(OSError):
            stage.parent.rmdir()


def check_stages_are_there(settings: MergeSettings) -> None:
    """A look at what would be merged needs the models that it would be merged from.

    Raises:
        BadSettings: Some are not made yet.
    """
    staged, folder = staged_recipe(settings), stages_folder(settings.output)
    if staged and (missing := [name for name in staged.stages if not (folder / name).is_dir()]):
        wrong = f"the stages {', '.join(missing)} of the recipe are not made yet"
        raise BadSettings(wrong, where="--dry-run", hint="look at each recipe in a file of its own")
