"""``detox merge TUNED --base BASE --extract RANK``: what a model has learnt, as a LoRA adapter."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.adapters import CONFIG, WEIGHTS
from detox_cli.models.merging.adapted import PREFIX, STORED_ON_THEIR_SIDE
from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.methods.task_arithmetic import TASK_ARITHMETIC
from detox_cli.models.merging.plan import plan_merge, stems_of
from detox_cli.models.merging.recipe import Ingredient, Part, Recipe
from detox_cli.models.merging.recipe_yaml import read_model
from detox_cli.models.merging.tensor import Job
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.merge.factors import LEFT, RIGHT, finished_factors
from detox_cli.services.merge.opening import Models, Opened, open_models
from detox_cli.services.merge.prepared import NOT_DECISIVE, stamps
from detox_cli.services.merge.result import Extracted, ExtractResult
from detox_cli.services.merge.save import model_records
from detox_cli.settings.merge import MergeSettings

NO_PART_IN_IT = (
    *("recipe", "method", "adapter", "weight", "density", "gamma", "epsilon", "t", "scale", "normalize"),
    *("rescale", "dtype", "rounding", "tokenizer", "shard_size"),
)


@dataclass(frozen=True)
class Extraction:
    """What will be extracted.

    Attributes:
        models: The tuned model and its base, open.
        jobs: One for every tensor of the base.
        matrices: Those that a LoRA adapter can change: the matrices of the layers.
        rank: Of the adapter.
    """

    models: Models
    jobs: Mapping[str, Job]
    matrices: tuple[str, ...]
    rank: int

    @property
    def base(self) -> Opened:
        """What the adapter will be for."""
        assert self.models.base is not None
        return self.models.base

    @property
    def turned(self) -> bool:
        """Whether the family stores its matrices on their side."""
        return str(self.base.checkpoint.config.get("model_type")) in STORED_ON_THEIR_SIDE


@contextmanager
def planned(settings: MergeSettings, fetch: bool = True) -> Iterator[Extraction]:
    """Open the two models and see that they are of one kind.

    Raises:
        BadData: They are not, or files are damaged.
        BadSettings: Not one model and a base are named, or settings have no part in this.
        Missing: A model cannot be had.
    """
    assert settings.extract is not None
    if len(settings.models) != 1 or settings.base is None:
        wrong = "an adapter is the difference of one model from its base"
        raise BadSettings(wrong, where="--extract", hint="name one MODEL, and --base")
    defaults = {name: field.default for name, field in MergeSettings.model_fields.items()}
    if given := [name for name in NO_PART_IN_IT if getattr(settings, name) != defaults[name]]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise BadSettings(f"{flags} has no part in it", where="--extract", hint="leave it out")
    tuned = Ingredient(read_model(settings.models[0], "MODEL"), {"weight": (Part(1.0),)})
    recipe = Recipe(TASK_ARITHMETIC, (tuned,), read_model(settings.base, "--base"))
    with ExitStack() as stack:
        models = open_models(recipe, stack, fetch, settings.hash_inputs)
        assert models.base is not None
        base = models.base.weights
        plan = plan_merge(recipe, [models.models[0].weights], base, base, 0)
        stems = tuple(stems_of(models.base.checkpoint))
        matrices = tuple(
            name for name, shape in base.shapes.items() if name.startswith(stems) and len(shape) == 2
        )
        yield Extraction(models, plan.jobs, matrices, settings.extract)


def extract(settings: MergeSettings, progress: Progress) -> ExtractResult:
    """Write the adapter; what it cannot hold is named.

    Raises:
        BadData: The models differ in kind or not at all, numbers are not finite, or files are damaged.
        BadSettings: Settings contradict each other, or something else is at the output.
        Missing: A model cannot be had.
    """
    started = steady_time()
    with planned(settings) as work:
        own = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
        identity = fingerprint(settings=own, files=stamps(work.models))
        with claim_output(settings.output, identity, overwrite=settings.overwrite) as claim:
            if claim.state is State.FINISHED:
                progress.stage("this run is finished already")
                return ExtractResult(
                    files=[settings.output], **(read_manifest(settings.output) or {})["metrics"]
                )
            with (
                finished_factors(work.jobs, work.matrices, work.rank, work.turned, claim, progress) as made,
                atomic_folder(settings.output, overwrite=True) as folder,
            ):
                result = _write(work, *made, folder, progress)
                write_manifest(
                    folder,
                    command="merge",
                    settings=settings.model_dump(mode="json"),
                    inputs=[],
                    models=model_records(work.models, settings.threads or 1),
                    scorers={},
                    metrics=result.model_dump(mode="json", exclude={"files"}),
                    started=started,
                    fingerprint=identity,
                )
    return result.model_copy(update={"files": [settings.output]})


def _write(
    work: Extraction,
    differing: Sequence[Extracted],
    factors: Mapping[str, Numbers],
    folder: Path,
    progress: Progress,
) -> ExtractResult:
    from safetensors.numpy import save_file

    found = [one for one in differing if one.tensor in work.matrices]
    left_out = [one for one in differing if one.tensor not in work.matrices]
    if not found:
        raise BadData(
            "no matrix of its layers differs from --base",
            where=str(work.models.models[0].named),
            hint="name the tuned model, and the one that it was tuned from as --base",
        )
    for one in left_out:
        progress.warn(f"{one.tensor} differs, and LoRA of the layers' matrices cannot hold it")
    trunk = work.base.checkpoint.anatomy().trunk
    modules = {one.tensor: _module(one.tensor, trunk) for one in found}
    named: dict[str, Numbers] = {}
    for tensor, module in modules.items():
        named[f"{PREFIX}{module}.lora_A.weight"] = factors[f"{tensor}.{RIGHT}"]
        named[f"{PREFIX}{module}.lora_B.weight"] = factors[f"{tensor}.{LEFT}"]
    save_file(named, folder / WEIGHTS, metadata={"format": "pt"})
    config = _config(sorted(modules.values()), work.rank, work.turned, work.base.source.name)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return ExtractResult(rank=work.rank, matrices=found, left_out=left_out)


def _module(tensor: str, trunk: str) -> str:
    """The module that holds a tensor, as it is called in the loaded model."""
    stem = tensor.removesuffix(".weight")
    return stem if stem.startswith(trunk) else trunk + stem


def _config(modules: list[str], rank: int, turned: bool, base: str) -> dict[str, object]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": turned,
        "target_modules": modules,
        "inference_mode": True,
    }
