"""Everything that trains, put together in TRL's words."""

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState
from transformers import TrainingArguments as Arguments
from trl import DPOConfig
from trl.trainer.utils import disable_dropout_in_model

from detox_cli.data.preferences.preference import Preference
from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress, Task
from detox_cli.services.train_bart.mixing import Mixture
from detox_cli.services.train_dpo.adapters import adapter_config, lora_shape
from detox_cli.services.train_dpo.data import mix_of, passes_by_language
from detox_cli.services.train_dpo.encode import Encoded
from detox_cli.services.train_dpo.measuring import Measure
from detox_cli.services.train_dpo.trainer import PreferenceTrainer, as_dataset
from detox_cli.services.training.callbacks import Listener, Metrics
from detox_cli.services.training.checkpoints import Keeping, comparing
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.passes import Passes
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.recipe import Recipe, trainer_arguments
from detox_cli.settings.train_dpo import DpoSettings

CHANGE = "change what it names, or leave it out"


@dataclass(frozen=True)
class Sides:
    """Both sides as token ids, and in which mixture an epoch has the training rows."""

    training: Encoded
    held_out: Encoded
    mixture: Mixture


def mixture_of(settings: DpoSettings, rows: Sequence[Preference]) -> Mixture:
    """The rows of each epoch, by the passes over each language.

    Raises:
        BadSettings: Passes are given to a language that no row is in.
    """
    numbers, passes = passes_by_language(rows, mix_of(settings.mix))
    return Mixture(numbers, passes, settings.seed)


def recipe_of(settings: DpoSettings, rows: int) -> tuple[Recipe, Passes]:
    """How to train, and in how many steps; ``rows`` is their number in an epoch."""
    recipe = replace(Recipe.of(settings), learning_rate=settings.rate)
    if settings.eval_steps is not None:
        recipe = replace(recipe, eval_every=settings.eval_steps / recipe.passes(rows).per_epoch)
    return recipe, recipe.passes(rows)


def keeping_of(settings: DpoSettings, measured: bool) -> Keeping:
    """Which checkpoints stay, and which becomes the model."""
    budgets = (settings.max_kl, settings.max_ppl_increase, settings.max_language_loss)
    bounded = settings.select == "toxicity" or any(one is not None for one in budgets)
    metric = None if settings.select == "last" else "eval_objective" if bounded else "eval_loss"
    return Keeping.of(settings, measured=measured, metric=metric)


def losses_of(settings: DpoSettings) -> tuple[list[str], list[float]]:
    """The losses that are added, with their weights.

    Raises:
        BadSettings: There are weights, but not one for each loss.
    """
    names: list[str] = list(settings.loss)
    weights = list(settings.loss_weight) or [1.0] * len(settings.loss)
    if len(weights) != len(names):
        hint = f"give one for each of {', '.join(names)}"
        raise BadSettings(f"{len(weights)} given for {len(names)} losses", where="--loss-weight", hint=hint)
    if settings.sft_weight:
        names, weights = [*names, "sft"], [*weights, settings.sft_weight]
    return names, weights


def arguments(settings: DpoSettings, rows: int, keeping: Keeping, folder: Path) -> dict[str, Any]:
    """The settings in TRL's words; ``rows`` are in an epoch, ``folder`` is where checkpoints go."""
    recipe, passes = recipe_of(settings, rows)
    names, weights = losses_of(settings)
    common = trainer_arguments(recipe, passes, keeping, folder, settings.output)
    dropout = settings.adapted and lora_shape(settings).dropout > 0
    return {
        "gradient_checkpointing": False,
        **common,
        "loss_type": names,
        "loss_weights": weights,
        "beta": settings.beta,
        "label_smoothing": settings.label_smoothing,
        "max_length": settings.max_length,
        "precompute_ref_log_probs": settings.precompute_ref,
        "precompute_ref_batch_size": settings.eval_batch_size,
        # TRL would take away the dropout that was asked for in the adapter as well.
        "disable_dropout": not dropout,
    }


def configuration(values: dict[str, Any]) -> DPOConfig:
    """The same as TRL has it. Raises ``BadSettings`` where TRL refuses it."""
    try:
        with warnings.catch_warnings():
            # TRL gives this option its older name itself.
            warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*")
            return DPOConfig(**values)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadSettings(f"these options cannot be trained with: {reason}", hint=CHANGE) from error


class WithinBudget(TrainerCallback):  # type: ignore[misc]
    """Stops once a measured step is outside the budgets, or has reached its target inside of them.

    Outside it only gets further away.
    """

    def on_evaluate(
        self,
        args: Arguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Metrics | None = None,
        **_: Any,
    ) -> None:
        """A step was measured."""
        found = metrics or {}
        if not found.get("eval_within_budget", 1.0) or found.get("eval_target_reached", 0.0):
            control.should_training_stop = True


def build_trainer(
    settings: DpoSettings,
    loaded: Loaded,
    sides: Sides,
    folder: Path,
    *,
    task: Task,
    progress: Progress,
    on_log: Callable[[int, Metrics], None],
    reference: Any | None = None,
    measure: Measure | None = None,
) -> PreferenceTrainer:
    """Put everything together.

    Args:
        settings: Of the run.
        loaded: The model at its start; what it is in memory counts, not what its folder says.
        sides: The rows.
        folder: Where checkpoints and the answers of the reference go.
        task: Counts steps.
        progress: Told what the reference is asked.
        on_log: Takes every log.
        reference: Another model than the start; asked once with ``precompute_ref``.
        measure: What is measured beside the loss.

    Raises:
        BadSettings: TRL refuses the settings.
    """
    keeping = keeping_of(settings, len(sides.held_out) > 0)
    args = configuration(arguments(settings, len(sides.mixture), keeping, folder))
    order = _order(settings, sides)
    if reference is None and not settings.precompute_ref and not settings.adapted:
        # TRL would read the start again from its folder, which is another model once it was edited in memory.
        reference = copy.deepcopy(loaded.model)
    config = adapter_config(settings, loaded.model) if settings.adapted else None
    if config is not None and config.lora_dropout:
        disable_dropout_in_model(loaded.model)
    try:
        trainer = PreferenceTrainer(
            order,
            measure,
            folder,
            progress,
            model=loaded.model,
            ref_model=reference,
            args=args,
            train_dataset=as_dataset(sides.training),
            eval_dataset=as_dataset(sides.held_out) if len(sides.held_out) else None,
            processing_class=loaded.tokenizer,
            peft_config=config,
            callbacks=[Listener(task, on_log, order), WithinBudget(), *comparing(keeping, settings.patience)],
        )
    except (ValueError, NotImplementedError) as error:
        # Nothing has been computed from a row yet, so only settings can be at fault.
        reason = " ".join(str(error).split())[:300]
        raise BadSettings(f"the trainer refuses these options: {reason}", hint=CHANGE) from error
    trainer.remove_callback(PrinterCallback)
    if settings.precompute_ref:
        trainer.ask_reference()
    return trainer


def _order(settings: DpoSettings, sides: Sides) -> SimilarLengths | None:
    """In which order rows are trained on; ``None`` where the trainer's own order does."""
    if not settings.group_by_length and not settings.mix:
        return None
    step = settings.batch_size * settings.accumulate * world_size()
    lengths = sides.training.lengths if settings.group_by_length else [1] * len(sides.training)
    return SimilarLengths(lengths, step, settings.seed, sides.mixture if settings.mix else None)
