"""Everything that is known before the first number is read."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.models.merging.layout import Shard, lay_out
from detox_cli.models.merging.plan import MergePlan, depths_of, plan_merge, stems_of
from detox_cli.models.merging.recipe import Named, Recipe
from detox_cli.models.merging.stacked import Layered, plan_stack
from detox_cli.models.merging.vocabulary import FILE
from detox_cli.runs.manifest import fingerprint, read_manifest
from detox_cli.services.merge.opening import Models, Opened, open_models
from detox_cli.services.merge.recipe import STAGES, recipe_of
from detox_cli.services.merge.vocabulary import Vocabulary, with_vocabulary
from detox_cli.settings.merge import MergeSettings

Stamp = tuple[str, int, int | str]
Layers = tuple[tuple[Named, int], ...]
NOT_DECISIVE = {"output", "overwrite", "threads", "hash_inputs", "recipe"}


@dataclass(frozen=True)
class Prepared:
    """A merge that can begin.

    Attributes:
        recipe: What to do.
        content: The recipe as mergekit would read it.
        models: The models, open.
        plan: A job for every tensor.
        shards: The files to be.
        identity: What decides the result.
        vocabulary: Whose tokens it has, where that was chosen.
        layers: Of stacked layers, which layer of which model each is first of all.
    """

    recipe: Recipe
    content: Mapping[str, Any]
    models: Models
    plan: MergePlan
    shards: tuple[Shard, ...]
    identity: str
    vocabulary: Vocabulary | None = None
    layers: Layers = ()

    @property
    def size(self) -> int:
        """Bytes of all files of weights."""
        return sum(shard.size for shard in self.shards)


@contextmanager
def prepared(settings: MergeSettings, fetch: bool = True) -> Iterator[Prepared]:
    """Read the recipe, open the models, and plan; the models are closed at the end.

    Raises:
        BadData: The recipe cannot be followed, files are damaged, or models do not fit together.
        BadSettings: Settings contradict each other.
        Missing: A model cannot be had.
    """
    recipe, content = recipe_of(settings)
    with ExitStack() as stack:
        opened = open_models(recipe, stack, fetch, settings.hash_inputs)
        models, vocabulary = with_vocabulary(opened, recipe.tokenizer)
        plan, layers = _plan(recipe, models, settings.seed)
        tensors = [(name, plan.types[name], job.shape) for name, job in plan.jobs.items()]
        shards = lay_out(tensors, settings.output, settings.shard_bytes)
        identity = _identity(settings, content, models)
        yield Prepared(recipe, content, models, plan, shards, identity, vocabulary, layers)


def _plan(recipe: Recipe, models: Models, seed: int) -> tuple[MergePlan, Layers]:
    reference, base = models.reference, models.base
    if recipe.slices:
        stack = plan_stack(recipe, {m.named: _layered(m) for m in models.everyone}, reference.named, seed)
        return stack.plan, stack.layers
    depths = depths_of(reference.checkpoint) if recipe.layered else None
    weights = [model.weights for model in models.models]
    return plan_merge(recipe, weights, base.weights if base else None, reference.weights, seed, depths), ()


def _layered(model: Opened) -> Layered:
    anatomy = model.checkpoint.anatomy()
    last = (*([anatomy.norm] if anatomy.norm else []), *([] if anatomy.tied else [anatomy.head]))
    return Layered(model.weights, tuple(stems_of(model.checkpoint)), last)


def _identity(settings: MergeSettings, content: Mapping[str, Any], models: Models) -> str:
    """By names, sizes and times of the inputs: hashing them takes as long as merging them."""
    own = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(settings=own, recipe=content, files=stamps(models))


def stamps(models: Models) -> list[Stamp]:
    """Name, size and time of every file that decides the weights, and of the tokenizers.

    Of a stage, in place of the time, what decided it: one that is made again is the same to the byte.
    """
    files = [file for model in models.everyone for file in model.files]
    files += [path for m in models.everyone if (path := m.checkpoint.folder / FILE).is_file()]
    return [_stamp(file) for file in files]


def _stamp(file: Path) -> Stamp:
    stat = file.stat()
    stage = read_manifest(file.parent) if file.parent.parent.name.endswith(STAGES) else None
    return str(file.resolve()), stat.st_size, stage["fingerprint"] if stage else stat.st_mtime_ns
