"""Base and experts, open and aligned, and a negation planned for every tensor."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.merging.layout import lay_out
from detox_cli.models.merging.methods.linear import LINEAR
from detox_cli.models.merging.negation import Negation, negation_of
from detox_cli.models.merging.plan import MergePlan, depths_of, plan_merge
from detox_cli.models.merging.recipe import Named, Recipe
from detox_cli.models.merging.recipe_yaml import read_model
from detox_cli.models.merging.sources import Weights
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.merge.opening import Models, Opened, open_models
from detox_cli.services.merge.prepared import Prepared, stamps
from detox_cli.services.merge.recipe import recipe_of, written_model
from detox_cli.services.merge.vocabulary import with_vocabulary
from detox_cli.settings.merge import MergeSettings, MergeValues
from detox_cli.settings.negate import NegateSettings

OF_THE_MERGE = ("method", "order", "expert_scale", "out_dtype", "rounding", "seed", *MergeValues.model_fields)
"""What decides a candidate, whatever its scale and whoever measures it."""
NOT_DECISIVE = {
    "output",
    "overwrite",
    "threads",
    "hash_inputs",
    "device",
    "expert",
    "data",
    "keep_experts",
    "picture",
}


@dataclass(frozen=True)
class Planned:
    """A negation that can begin, at any scale.

    Attributes:
        merge: The merge of the experts, with files and identity of the whole run.
        base: The base, open.
        jobs: The negation of every tensor at scale 1.
        candidate: What decides a candidate's weights but for its scale.
    """

    merge: Prepared
    base: Opened
    jobs: Mapping[str, Negation]
    candidate: str

    @property
    def types(self) -> Mapping[str, str]:
        """What every tensor will be stored as."""
        return self.merge.plan.types

    def at(self, scale: float) -> dict[str, Negation]:
        """The negation of every tensor at a scale."""
        return {name: job.with_scale(scale) for name, job in self.jobs.items()}

    def with_jobs(self, scale: float, content: Mapping[str, Any] | None) -> Prepared:
        """The merge as the writing room takes it, with the negations at a scale in its place."""
        plan = MergePlan(self.at(scale), self.types)
        return replace(self.merge, plan=plan, content=content or {})


@contextmanager
def planned(
    settings: NegateSettings, experts: Sequence[str], measured: object = None, fetch: bool = True
) -> Iterator[Planned]:
    """Open base and experts, bring their tensors together, and plan; all are closed at the end.

    Args:
        settings: What is asked for.
        experts: Names of the experts.
        measured: What decides how candidates are measured, if they are.
        fetch: Whether files may be fetched that are not here.

    Raises:
        BadData: Files are damaged, or a model is of another kind than the base.
        BadSettings: Settings contradict each other.
        Missing: A model cannot be had.
    """
    recipe, content = _recipe(settings, experts)
    if len(settings.expert_scale) not in (1, len(experts)):
        wrong = f"{len(settings.expert_scale)} values for {len(experts)} experts"
        raise BadSettings(wrong, where="--expert-scale", hint="give one, or one for every expert")
    with ExitStack() as stack:
        models, _ = with_vocabulary(open_models(recipe, stack, fetch, settings.hash_inputs), None)
        base = models.reference
        plan = _plan(settings, recipe, models, base.weights)
        own = settings.expert_scale * (len(experts) // len(settings.expert_scale))
        jobs = {
            name: negation_of(job, base.weights, 1.0, own, settings.order) for name, job in plan.jobs.items()
        }
        tensors = [(name, plan.types[name], job.shape) for name, job in plan.jobs.items()]
        shards = lay_out(tensors, settings.output, settings.shard_bytes)
        files = stamps(models)
        values = settings.model_dump(mode="json", include=set(OF_THE_MERGE))
        candidate = fingerprint(command="negate", values=values, files=files)
        decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
        identity = fingerprint(command="negate", settings=decisive, files=files, measured=measured)
        yield Planned(Prepared(recipe, content, models, plan, shards, identity), base, jobs, candidate)


def base_of(settings: NegateSettings) -> Named:
    """The base as recipes name it."""
    return read_model(written_model(settings.base), "BASE")


def _recipe(settings: NegateSettings, experts: Sequence[str]) -> tuple[Recipe, Mapping[str, Any]]:
    """How the experts are merged, as ``detox merge`` would."""
    shared = {name: getattr(settings, name) for name in MergeValues.model_fields}
    merge = MergeSettings(
        models=tuple(experts),
        method=settings.method,
        base=None if settings.method in ("linear", "slerp") else settings.base,
        output=settings.output,
        seed=settings.seed,
        dtype=settings.out_dtype,
        **shared,
    )
    recipe, content = recipe_of(merge)
    return replace(recipe, base=base_of(settings)), content


def _plan(settings: NegateSettings, recipe: Recipe, models: Models, base: Weights) -> MergePlan:
    depths = depths_of(models.reference.checkpoint) if recipe.layered else None
    weights = [model.weights for model in models.models]
    return plan_merge(recipe, weights, base, base, settings.seed, depths)


def recipe_for_mergekit(
    settings: NegateSettings, experts: Sequence[str], scale: float
) -> dict[str, Any] | None:
    """A recipe that gives the same model, where `merge` and mergekit have one for it.

    The negation of a mean is task arithmetic with ``-scale`` shared out to the experts; of the other methods
    that count from a base, the method itself with ``lambda`` below zero.
    """
    recipe, content = _recipe(settings, experts)
    own = settings.expert_scale * (len(experts) // len(settings.expert_scale))
    made = {**content, "base_model": written_model(settings.base)}
    if recipe.method is LINEAR:
        weights = [float(entry.settings["weight"][0].value) for entry in recipe.models]  # type: ignore[arg-type]
        total = sum(weights) if settings.normalize is not False else 1.0
        if settings.normalize is False and abs(sum(weights) - 1) > 1e-12:
            return None
        shares = [-scale * one * weight / total for one, weight in zip(own, weights, strict=True)]
        named = [entry["model"] for entry in content["models"]]
        models = [{"model": m, "parameters": {"weight": w}} for m, w in zip(named, shares, strict=True)]
        made |= {"merge_method": "task_arithmetic", "models": models}
        made.pop("parameters", None)
        return made | ({"dtype": settings.out_dtype} if settings.out_dtype else {})
    if recipe.method.base != "needed" or settings.method == "model_stock" or set(own) != {1.0}:
        return None
    return made | {"parameters": {**content.get("parameters", {}), "lambda": -scale}}
