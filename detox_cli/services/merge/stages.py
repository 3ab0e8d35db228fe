"""The stages of a recipe in several documents: merges of their own, each finished once and kept."""

from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

import yaml

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.models.merging.recipe import Recipe
from detox_cli.models.merging.recipe_yaml import read_recipe
from detox_cli.models.merging.stages import Staged
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.merge.recipe import recipe_of, staged_recipe, stages_folder
from detox_cli.settings.merge import MergeSettings

Merge = Callable[[MergeSettings, Progress], object]


def make_stages(settings: MergeSettings, merge: Merge, progress: Progress) -> None:
    """Make what the last recipe of a file starts from, in ``OUTPUT.stages``; what is there already stays.

    Every recipe is read, and every model of it found, before the first is followed. ``--dtype`` and
    ``--tokenizer`` are for the last one.

    Args:
        settings: Of the whole.
        merge: Makes one.
        progress: Is told which.

    Raises:
        BadData: A recipe cannot be followed, or names a model that is nearly the name of a stage.
        Missing: A model is nowhere to be had.
    """
    staged = staged_recipe(settings)
    if staged is None:
        return
    recipes = [recipe_of(settings)[0]]
    for name, content in staged.stages.items():
        recipes.append(read_recipe(content, f"{settings.recipe}: {name}"))
    folder = stages_folder(settings.output)
    for each in recipes:
        _find_models(each, staged, folder, str(settings.recipe))
    for name in staged.unused:
        progress.warn(f"no recipe starts from the stage {name}; it is made all the same")
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


def _find_models(recipe: Recipe, staged: Staged, folder: Path, where: str) -> None:
    """Every model that no stage makes has to be there before hours go into the first one."""
    for named in (*([recipe.base] if recipe.base else []), *(entry.model for entry in recipe.models)):
        path = Path(named.model).expanduser()
        if path.exists() or path.parent == folder:
            continue
        try:
            find_model(named.model, named.revision)
        except Missing as error:
            near = get_close_matches(named.model, staged.stages, n=1)
            if not near:
                raise
            wrong = f"starts from {named.model!r}, which is no recipe of this file and no model"
            raise BadData(wrong, where=where, hint=f"did you mean {near[0]!r}?") from error


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
