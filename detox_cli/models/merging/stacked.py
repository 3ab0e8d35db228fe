"""Layers of several models one above the other: of which layer of which model each one is made."""

from collections.abc import Mapping
from dataclasses import dataclass

from detox_cli.errors import BadData
from detox_cli.models.merging.aligned import RenamedWeights
from detox_cli.models.merging.draws import stream_key
from detox_cli.models.merging.plan import MergePlan, check_same_shape, stored_types
from detox_cli.models.merging.recipe import Named, Recipe
from detox_cli.models.merging.sources import Weights
from detox_cli.models.merging.tensor import Job


@dataclass(frozen=True)
class Layered:
    """A model whose layers are known.

    Attributes:
        weights: Its numbers.
        stems: What the names of the tensors of each layer begin with.
        last: What names begin with that come after the last layer.
    """

    weights: Weights
    stems: tuple[str, ...]
    last: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """A plan of stacked layers.

    Attributes:
        plan: What will be merged.
        layers: For every layer of the result, the first of its models and the layer there.
    """

    plan: MergePlan
    layers: tuple[tuple[Named, int], ...]


def plan_stack(recipe: Recipe, models: Mapping[Named, Layered], reference: Named, seed: int) -> Stack:
    """One job for every tensor of every layer, and for what lies before and after them.

    What lies before the layers comes from the models of the first slice, what follows from those of the last.

    Args:
        recipe: What to do, with slices.
        models: All of them, the base too.
        reference: Which of them says what there is beside the layers, and how layers are called.
        seed: Of everything that is drawn.

    Raises:
        BadData: A model lacks a layer or a tensor, or has one of another shape, or a slice lacks the base.
    """
    own = models[reference]
    jobs: dict[str, Job] = {}
    first = len(own.stems[0].rstrip(".").rstrip("0123456789"))
    head = own.stems[0][:first]
    beside = [name for name in own.weights.shapes if not name.startswith(own.stems)]
    after = [name for name in beside if name.startswith(own.last)]
    before = [name for name in beside if name not in after]
    jobs |= _beside(recipe, 0, before, models, seed)
    layers: list[tuple[Named, int]] = []
    for number, part in enumerate(recipe.slices):
        jobs |= _layers_of(recipe, number, models, f"{head}{{}}.", len(layers), seed)
        layers += [(part.sources[0].model, part.layers[0][0] + offset) for offset in range(part.length)]
    jobs |= _beside(recipe, len(recipe.slices) - 1, after, models, seed)
    return Stack(MergePlan(jobs, stored_types(recipe, _types(jobs), own.weights.name)), tuple(layers))


def _layers_of(
    recipe: Recipe, number: int, models: Mapping[Named, Layered], stem: str, start: int, seed: int
) -> dict[str, Job]:
    """The jobs of a slice, whose first layer is ``start`` in the result."""
    part = recipe.slices[number]
    names = [
        _renamed(models[s.model], *r, stem, start) for s, r in zip(part.sources, part.layers, strict=True)
    ]
    jobs = {}
    for offset in range(part.length):
        depth = offset / (part.length - 1) if part.length > 1 else 1.0
        inside = stem.format(start + offset)
        for tensor in (name for name in names[0] if name.startswith(inside)):
            jobs[tensor] = _job(recipe, number, tensor, models, names, depth, seed)
    return jobs


def _renamed(model: Layered, first: int, last: int, stem: str, start: int) -> dict[str, str]:
    """From the name of every tensor in the result to that in the model."""
    if last > len(model.stems):
        wrong = f"has {len(model.stems)} layers, and the recipe takes {first} to {last - 1}"
        raise BadData(wrong, where=model.weights.name, hint="change layer_range")
    names: dict[str, str] = {}
    for offset, old in enumerate(model.stems[first:last]):
        new = stem.format(start + offset)
        found = [name for name in model.weights.shapes if name.startswith(old)]
        names |= {new + name.removeprefix(old): name for name in found}
    return names


def _beside(
    recipe: Recipe, number: int, tensors: list[str], models: Mapping[Named, Layered], seed: int
) -> dict[str, Job]:
    names = [{name: name for name in tensors} for _ in recipe.slices[number].sources]
    return {name: _job(recipe, number, name, models, names, 0.0, seed) for name in tensors}


def _job(
    recipe: Recipe,
    number: int,
    tensor: str,
    models: Mapping[Named, Layered],
    names: list[dict[str, str]],
    depth: float,
    seed: int,
) -> Job:
    part, own = recipe.slices[number], recipe.of_slice(number)
    found = [
        (source, _one(models[source.model].weights, tensor, name.get(tensor)))
        for source, name in zip(part.sources, names, strict=True)
    ]
    shape = found[0][1].shapes[tensor]
    for _, weights in found:
        check_same_shape(tensor, found[0][1], weights)
    base = next((weights for source, weights in found if source.model == own.base), None)
    if base is None and own.base is not None:
        wrong = f"slice {number + 1} takes no layers of the base, {own.base}"
        raise BadData(wrong, where=own.method.name, hint="add it to the sources, with its layer_range")
    chosen = tuple(weights for source, weights in found if source.model != own.base)
    keys = tuple(stream_key(seed, tensor, model) for model in range(len(chosen)))
    return Job(tensor, shape, own.method, own.values(tensor, depth, keys), chosen, base)


def _one(weights: Weights, tensor: str, name: str | None) -> RenamedWeights:
    if name is None or name not in weights.shapes:
        raise BadData(f"lacks {tensor}", where=weights.name, hint="merge models of one kind")
    return RenamedWeights(weights, {tensor: name})


def _types(jobs: Mapping[str, Job]) -> dict[str, str]:
    return {name: (job.base or job.models[0]).types[name] for name, job in jobs.items()}
