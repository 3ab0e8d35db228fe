"""From a recipe and its models to one job per tensor; what does not fit together is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import STORED
from detox_cli.models.merging.draws import stream_key
from detox_cli.models.merging.recipe import DTYPES, Recipe
from detox_cli.models.merging.sources import Weights
from detox_cli.models.merging.tensor import Job

SHOWN = 5
OTHER_SHAPE = "merge models of one kind; for other vocabularies add --tokenizer base, union or a model"


@dataclass(frozen=True)
class MergePlan:
    """What will be merged.

    Attributes:
        jobs: One for each tensor, in the order of the reference model.
        types: The stored type of each.
    """

    jobs: Mapping[str, Job]
    types: Mapping[str, str]


def plan_merge(
    recipe: Recipe,
    models: Sequence[Weights],
    base: Weights | None,
    reference: Weights,
    seed: int,
    depths: Mapping[str, float] | None = None,
) -> MergePlan:
    """One job for every tensor of the reference.

    Args:
        recipe: What to do.
        models: The models of the recipe, in its order.
        base: Its base, if it has one.
        reference: Which model says what there is: the base, else the first model.
        seed: Of everything that is drawn.
        depths: Where each tensor's layer lies, from 0 to 1, for values that change along the layers.

    Raises:
        BadData: A model lacks a tensor, has one more, or one of another shape or of no type to count with.
    """
    everyone = [*models, *([base] if base is not None and base is not reference else [])]
    for model in everyone:
        _check_aligned(reference, model)
    places = depths or {}
    jobs = {}
    for tensor, shape in reference.shapes.items():
        keys = tuple(stream_key(seed, tensor, number) for number in range(len(models)))
        values = recipe.values(tensor, places.get(tensor, 0.0), keys)
        jobs[tensor] = Job(tensor, shape, recipe.method, values, tuple(models), base)
    return MergePlan(jobs, stored_types(recipe, reference.types, reference.name))


def stored_types(recipe: Recipe, types: Mapping[str, str], where: str) -> dict[str, str]:
    """As what each tensor is written: as the recipe says, or as it is stored.

    Raises:
        BadData: A tensor is stored as what cannot be counted with.
    """
    written = DTYPES[recipe.dtype] if recipe.dtype else None
    for name, dtype in types.items():
        if dtype not in STORED:
            raise BadData(
                f"{name} is stored as {dtype}, which cannot be merged",
                where=where,
                hint="start from weights in float32, bfloat16 or float16",
            )
    return {name: written or dtype for name, dtype in types.items()}


def _check_aligned(reference: Weights, model: Weights) -> None:
    """Name what one model has and the other has not."""
    missing = [name for name in reference.shapes if name not in model.shapes]
    extra = [name for name in model.shapes if name not in reference.shapes]
    if missing or extra:
        parts = [f"lacks {_some(missing)}, which {reference.name} has"] if missing else []
        parts += [f"has {_some(extra)}, which {reference.name} lacks"] if extra else []
        raise BadData(", and ".join(parts), where=model.name, hint="merge models of one kind")
    for name in reference.shapes:
        check_same_shape(name, reference, model)


def check_same_shape(tensor: str, reference: Weights, model: Weights) -> None:
    """Refuse a tensor that has another shape than in the reference.

    Raises:
        BadData: It has.
    """
    shape, own = reference.shapes[tensor], model.shapes[tensor]
    if own != shape:
        wrong = f"{tensor} is {list(own)}, in {reference.name} it is {list(shape)}"
        raise BadData(wrong, where=model.name, hint=OTHER_SHAPE)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def depths_of(checkpoint: Checkpoint) -> dict[str, float]:
    """Where each tensor's layer lies, from 0 to 1; what is in no layer is at 0, as in mergekit.

    Raises:
        BadData: The family of the model is not known, so nobody can say where its layers are.
    """
    stems = stems_of(checkpoint)
    last = max(1, len(stems) - 1)
    depths: dict[str, float] = {}
    for index, stem in enumerate(stems):
        depths |= dict.fromkeys((n for n in checkpoint.tensors if n.startswith(stem)), index / last)
    return depths


def stems_of(checkpoint: Checkpoint) -> list[str]:
    """What the names of the tensors of each layer begin with.

    Raises:
        BadData: The family of the model is not known.
    """
    anatomy = checkpoint.anatomy()
    stems = []
    for block in anatomy.blocks:
        stem = block.path + "."
        named = any(name.startswith(stem) for name in checkpoint.tensors)
        stems.append(stem if named else anatomy.trunk + stem)
    return stems
