"""Recipes in several documents, as ``mergekit-multi`` has them: named merges that later ones start from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData
from detox_cli.models.merging.recipe_yaml import named_in

Content = Mapping[str, Any]
MODELS = ("model", "base_model", "tokenizer_source")
"""The keys under which a recipe names a model."""


@dataclass(frozen=True)
class Staged:
    """Merges in the order in which they can be made; models made before are named by their folders.

    Attributes:
        stages: Those that others start from, by name.
        last: The one that is the output.
        unused: The stages that neither the output nor what it starts from names.
    """

    stages: Mapping[str, Content]
    last: Content
    unused: tuple[str, ...] = ()


def read_stages(documents: Sequence[Any], where: str, folder: Path) -> Staged:
    """Put merges in order, and the folders of stages in the place of their names.

    The document without a name is the output, or if all have names, the one that no other starts from.

    Args:
        documents: Parsed, each a recipe with a ``name``, but for one.
        where: The file, for errors.
        folder: Where every stage will be, under its name.

    Raises:
        BadData: Two have one name, no one of them is the output, or a stage starts from itself.
    """
    named: dict[str, Content] = {}
    unnamed: list[Content] = []
    for number, document in enumerate(documents, start=1):
        if not isinstance(document, dict):
            raise BadData(
                f"recipe {number} should be a mapping", where=where, hint="write it as for mergekit"
            )
        name = document.get("name")
        content = {key: value for key, value in document.items() if key != "name"}
        if name is None:
            unnamed.append(content)
        elif not isinstance(name, str) or Path(name).name != name or name.startswith(".") or name in named:
            wrong = f"recipe {number} has the name {name!r}, which another has or no folder can have"
            raise BadData(wrong, where=where, hint="rename it")
        else:
            named[name] = content
    if not unnamed:
        unnamed.append(named.pop(_end(named, where)))
    if len(unnamed) > 1:
        raise BadData("has several recipes without a name", where=where, hint="name all but the last")
    used = {name: _used(content, named) for name, content in named.items()}
    order = _ordered(used, where)
    reached = _used(unnamed[0], named)
    for name in reversed(order):
        reached |= used[name] if name in reached else set()
    stages = {name: _placed(named[name], named, folder) for name in order}
    unused = tuple(name for name in order if name not in reached)
    return Staged(stages, _placed(unnamed[0], named, folder), unused)


def _end(named: Mapping[str, Content], where: str) -> str:
    """The one that no other starts from."""
    used = set().union(*(_used(content, named) for content in named.values()))
    ends = [name for name in named if name not in used]
    if len(ends) == 1:
        return ends[0]
    if not ends:
        raise _circle(named, where)
    wrong = f"no recipe starts from {', '.join(ends)}"
    raise BadData(wrong, where=where, hint="take the name away from the one that is the output")


def _used(value: Any, names: Mapping[str, Content]) -> set[str]:
    """Which stages a recipe starts from."""
    if isinstance(value, list):
        return set().union(*(_used(item, names) for item in value))
    if not isinstance(value, dict):
        return set()
    own = {named_in(one).model for key, one in value.items() if key in MODELS and isinstance(one, str)}
    return (own & set(names)).union(*(_used(item, names) for item in value.values()))


def _placed(value: Any, names: Mapping[str, Content], folder: Path) -> Any:
    """A recipe with folders in the place of the names of stages."""
    if isinstance(value, list):
        return [_placed(item, names, folder) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _folder_of(one, names, folder)
        if key in MODELS and isinstance(one, str)
        else _placed(one, names, folder)
        for key, one in value.items()
    }


def _folder_of(written: str, names: Mapping[str, Content], folder: Path) -> Any:
    model = named_in(written)
    if model.model not in names:
        return written
    place = str(folder / model.model)
    if not set(place) & set("@+"):
        return place if model.adapter is None else f"{place}+{model.adapter}"
    return {"model": {"path": place}} | ({"lora": model.adapter} if model.adapter is not None else {})


def _ordered(used: Mapping[str, set[str]], where: str) -> list[str]:
    """Names, each after those that it starts from; in the order of the file where that leaves a choice."""
    found: list[str] = []
    left = list(used)
    while left:
        ready = next((name for name in left if used[name] <= set(found)), None)
        if ready is None:
            raise _circle(left, where)
        found.append(ready)
        left.remove(ready)
    return found


def _circle(names: Iterable[str], where: str) -> BadData:
    return BadData(
        f"each of {', '.join(names)} starts from another of them",
        where=where,
        hint="let one of them start from a model",
    )
