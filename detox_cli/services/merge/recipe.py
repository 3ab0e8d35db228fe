"""The recipe of a merge: a file of mergekit, or the same thing made of settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.merging.methods import METHODS
from detox_cli.models.merging.recipe import OF_A_MODEL, Recipe
from detox_cli.models.merging.recipe_yaml import read_recipe
from detox_cli.models.merging.stages import Staged, read_stages
from detox_cli.settings.merge import MergeSettings

IN_A_RECIPE = (
    "models",
    "method",
    "base",
    *OF_A_MODEL,
    "t",
    "scale",
    "normalize",
    "rescale",
    "adapter",
    "extract",
)
STAGES = ".stages"
COUNT_FROM_BASE = ("density", "gamma", "epsilon")
VALUES = {name: name for name in (*OF_A_MODEL, "t", "normalize", "rescale")} | {"scale": "lambda"}
"""Options, and what recipes call them."""


def recipe_of(settings: MergeSettings) -> tuple[Recipe, Mapping[str, Any]]:
    """The recipe, and what it was read from, in the form of mergekit.

    Raises:
        BadSettings: Settings contradict each other.
        BadData: The file is no recipe that can be followed.
    """
    if settings.recipe is not None:
        content, where = _of_file(settings, settings.recipe), str(settings.recipe)
    else:
        content, where = _of_settings(settings), "the command line"
    return read_recipe(content, where), content


def _refuse_both(settings: MergeSettings) -> None:
    """A recipe says what these options say."""
    defaults = {name: field.default for name, field in MergeSettings.model_fields.items()}
    given = [name for name in IN_A_RECIPE if getattr(settings, name) != defaults[name]]
    if given:
        flags = ", ".join(f"--{name}" if name != "models" else "MODEL" for name in given)
        raise BadSettings(f"{flags} would contradict the recipe", where="--recipe", hint="give one of them")


def _of_file(settings: MergeSettings, path: Path) -> Mapping[str, Any]:
    staged = staged_recipe(settings)
    content = staged.last if staged else _documents(path)[0]
    if not isinstance(content, dict):
        raise BadData("should be a mapping", where=str(path), hint="write it as for mergekit")
    if settings.dtype is not None:
        content = {**content, "out_dtype": settings.dtype}
    if settings.tokenizer is not None:
        content = {**content, "tokenizer_source": settings.tokenizer}
    return content


def staged_recipe(settings: MergeSettings) -> Staged | None:
    """The stages of a recipe that has several documents.

    Raises:
        BadData: The file is not there, no YAML, or its stages have no order.
        BadSettings: Options contradict the recipe.
    """
    if settings.recipe is None:
        return None
    _refuse_both(settings)
    if len(documents := _documents(settings.recipe)) < 2:
        return None
    return read_stages(documents, str(settings.recipe), stages_folder(settings.output))


def stages_folder(output: Path) -> Path:
    """Where the models of stages are, beside the output."""
    return output.with_name(output.name + STAGES)


def _documents(path: Path) -> list[Any]:
    try:
        documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        return [one for one in documents if one is not None] or [None]
    except FileNotFoundError as error:
        raise BadData("there is no such file", where=str(path), hint="check --recipe") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadData(f"is no YAML: {reason}", where=str(path), hint="check --recipe") from error


def _of_settings(settings: MergeSettings) -> Mapping[str, Any]:
    if not settings.models:
        raise BadSettings("no model is named", where="MODEL", hint="name models, or give --recipe FILE")
    _refuse_idle(settings)
    if settings.adapter is not None:
        return _folding(settings, settings.adapter)
    _refuse_missing(settings)
    own = [written_model(name) for name in settings.models]
    values = [_values(settings, number) for number in range(len(own))]
    models = [{"model": model, "parameters": given} for model, given in zip(own, values, strict=True)]
    content: dict[str, Any] = {"merge_method": settings.method, "models": models}
    if settings.base is not None:
        if settings.method == "linear":
            raise BadSettings(
                "a mean counts from no base", where="--base", hint="leave it out, or use task_arithmetic"
            )
        content["base_model"] = written_model(settings.base)
    return content | _of_all(settings)


def _refuse_idle(settings: MergeSettings) -> None:
    """Values that the method does not read would be ignored."""
    method, fields = METHODS[settings.method], MergeSettings.model_fields
    given = [name for name in VALUES if getattr(settings, name) != fields[name].default]
    if idle := [f"--{name}" for name in given if VALUES[name] not in method.uses]:
        used = ", ".join(f"--{name}" for name in VALUES if VALUES[name] in method.uses) or "none of these"
        wrong = f"{', '.join(idle)} would make no difference to {method.name}"
        raise BadSettings(wrong, where="--method", hint=f"leave it out; {method.name} uses {used}")


def _refuse_missing(settings: MergeSettings) -> None:
    """What a recipe would be refused for, in the words of options."""
    method = METHODS[settings.method]
    if method.base == "needed" and settings.base is None:
        raise BadSettings(f"{method.name} counts from a base", where="--base", hint="give --base MODEL")
    if "t" in method.needs and settings.t is None:
        hint = "give --t, from 0 (the first model) to 1 (the second)"
        raise BadSettings(f"{method.name} has to know how far to go", where="--t", hint=hint)


def _folding(settings: MergeSettings, adapter: Path) -> Mapping[str, Any]:
    """One model with its adapter, as it is: a mean of one."""
    if len(settings.models) != 1 or settings.method != "linear" or settings.base is not None:
        raise BadSettings(
            "an adapter is folded into one model",
            where="--adapter",
            hint="name one MODEL; to merge several, write MODEL+ADAPTER",
        )
    model = {"model": {"model": written_model(settings.models[0]), "lora": str(adapter)}}
    content = {"merge_method": "linear", "models": [{**model, "parameters": {"weight": 1.0}}]}
    return content | _of_all(settings)


def _of_all(settings: MergeSettings) -> dict[str, Any]:
    shared = {"lambda": settings.scale, "normalize": settings.normalize, "rescale": settings.rescale}
    shared |= {"t": settings.t}
    neutral = {"lambda": 1.0}
    given = {name: value for name, value in shared.items() if value not in (None, neutral.get(name))}
    found: dict[str, Any] = {"parameters": given} if given else {}
    if settings.dtype is not None:
        found["dtype"] = settings.dtype
    if settings.tokenizer is not None:
        found["tokenizer_source"] = settings.tokenizer
    return found


def _values(settings: MergeSettings, number: int) -> dict[str, float]:
    """The values of one model, where the method uses them."""
    method, count = METHODS[settings.method], len(settings.models)
    found = {}
    for name in OF_A_MODEL:
        values: tuple[float, ...] = getattr(settings, name)
        if len(values) not in (1, count):
            wrong = f"{len(values)} values for {count} models"
            raise BadSettings(wrong, where=f"--{name}", hint="give one, or one for every model")
        if name == "weight" and "weight" not in method.needs:
            continue
        if name in COUNT_FROM_BASE and values == MergeSettings.model_fields[name].default:
            continue
        found[name] = values[number] if len(values) > 1 else values[0]
    return found


def written_model(name: str) -> Any:
    """A name that is a folder is taken as it is, whatever characters it has."""
    return {"model": {"path": name}} if Path(name).exists() and set(name) & set("@+") else name
