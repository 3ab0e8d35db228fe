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
    written = DTYPES[recipe.dtype] if recipe.dtype else None
    types = {}
    for name, dtype in reference.types.items():
        if dtype not in STORED:
            raise BadData(f"{name} is stored as {dtype}, which cannot be merged", where=reference.name)
        types[name] = written or dtype
    return MergePlan(jobs, types)


def _check_aligned(reference: Weights, model: Weights) -> None:
    """Name what one model has and the other has not."""
    missing = [name for name in reference.shapes if name not in model.shapes]
    extra = [name for name in model.shapes if name not in reference.shapes]
    if missing or extra:
        parts = [f"lacks {_some(missing)}"] if missing else []
        parts += [f"has {_some(extra)} more"] if extra else []
        wrong = " and ".join(parts)
        raise BadData(f"{wrong} than {reference.name}", where=model.name, hint="merge models of one kind")
    for name, shape in reference.shapes.items():
        if model.shapes[name] != shape:
            wrong = f"{name} is {list(model.shapes[name])}, in {reference.name} it is {list(shape)}"
            raise BadData(wrong, where=model.name, hint=OTHER_SHAPE)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def depths_of(checkpoint: Checkpoint) -> dict[str, float]:
    """Where each tensor's layer lies, from 0 to 1; what follows the last layer is at 1.

    Raises:
        BadData: The family of the model is not known, so nobody can say where its layers are.
    """
    anatomy = checkpoint.anatomy()
    last = max(1, len(anatomy.blocks) - 1)
    depths: dict[str, float] = {}
    for block in anatomy.blocks:
        stem = block.path + "."
        found = [n for n in checkpoint.tensors if n.startswith((stem, anatomy.trunk + stem))]
        depths |= dict.fromkeys(found, block.index / last)
    after = [] if anatomy.tied else [anatomy.head]
    after += [name for name in checkpoint.tensors if anatomy.norm and name.startswith(anatomy.norm)]
    return depths | dict.fromkeys(after, 1.0)
