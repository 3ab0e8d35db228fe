"""How a model is trained, in plain values, and the same in the words of transformers' trainer.

The road of a training: `starting` looks at what every training is told, `single_run.train_one` locks the
output and hands a command its `Run`; `resuming.find_start` looks for checkpoints of an earlier part,
`trainer_arguments` and `callbacks.Listener` go into a trainer of transformers or TRL, `resuming.train` runs
it, and what comes back is a `Learnt` that can be saved with one log of all parts. Several of them, such as
those of `seeds.train_seeds`, end in one folder by `several_runs.train_several`.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch

from detox_cli.models.sources import ModelSource
from detox_cli.services.training.checkpoints import Keeping
from detox_cli.services.training.passes import Passes
from detox_cli.services.training.trackers import report_to


@dataclass(frozen=True)
class Recipe:
    """What decides a training, beside its model and rows; the settings of the same names say what each is."""

    epochs: float
    min_steps: int
    learning_rate: float
    schedule: str
    warmup: float
    batch_size: int
    accumulate: int
    optimizer: str
    weight_decay: float
    max_grad_norm: float
    gradient_checkpointing: bool
    precision: str
    device: str
    deterministic: bool
    seed: int
    eval_every: float
    eval_batch_size: int
    tracker: str

    @classmethod
    def of(cls, settings: object) -> Self:
        """The recipe in the fields of a settings object that have these names."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def passes(self, rows: int) -> Passes:
        """How often, and in how many steps, this recipe goes over so many rows."""
        return Passes(rows, self.batch_size, self.accumulate, self.epochs, self.min_steps, self.eval_every)


def trainer_arguments(
    recipe: Recipe, passes: Passes, keeping: Keeping, folder: Path, output: Path
) -> dict[str, Any]:
    """The recipe as arguments of `TrainingArguments` and of every class that is made from it.

    Args:
        recipe: How to train.
        passes: How many steps that is.
        keeping: Which checkpoints stay, and by what one is chosen.
        folder: Where checkpoints go.
        output: The folder of the finished model, whose name a tracker shows.
    """
    on_cpu = recipe.device == "cpu" or not torch.cuda.is_available()
    kind = number_type(recipe.precision, "cpu" if on_cpu else "cuda")
    return {
        "output_dir": str(folder),
        "num_train_epochs": passes.passes,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": int(recipe.warmup) if recipe.warmup >= 1 else recipe.warmup,
        "per_device_train_batch_size": recipe.batch_size,
        "per_device_eval_batch_size": recipe.eval_batch_size,
        "gradient_accumulation_steps": recipe.accumulate,
        "optim": recipe.optimizer,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "bf16": kind == "bfloat16",
        "fp16": kind == "float16",
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_strategy": "steps",
        "logging_steps": passes.logged_every,
        "eval_strategy": "steps" if keeping.measured else "no",
        "eval_steps": passes.measured_every,
        "save_strategy": "steps",
        "save_steps": passes.measured_every,
        "save_total_limit": None if keeping.best else keeping.newest,
        "load_best_model_at_end": keeping.chooses,
        "metric_for_best_model": keeping.metric if keeping.measured else None,
        "greater_is_better": keeping.greater_is_better,
        "restore_callback_states_from_checkpoint": True,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "logging_nan_inf_filter": False,
        "full_determinism": recipe.deterministic,
        "report_to": report_to(recipe.tracker, output),
        "run_name": output.name,
        # Said only when it is wanted: its name changes between versions of transformers.
        **({"gradient_checkpointing": True} if recipe.gradient_checkpointing else {}),
    }


def number_type(precision: str, device: str) -> str:
    """The numbers of matrix products: what was asked for; ``auto`` is bfloat16 where ``device`` has it."""
    if precision != "auto":
        return precision
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def has_fast_bfloat16(device: str) -> bool:
    """Whether matrix products in bfloat16 are done by the hardware of ``device`` (``cuda`` or ``cpu``)."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def start_record(source: ModelSource) -> dict[str, str | None]:
    """The model that a training starts from, as a manifest has it under ``models``."""
    return {"name": source.name, "revision": source.revision, "fingerprint": source.fingerprint}
