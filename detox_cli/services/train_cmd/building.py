"""Everything that trains, put together."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainingArguments

from detox_cli.output.progress import Task
from detox_cli.services.train_cmd.batches import ChainRows, Layout
from detox_cli.services.train_cmd.contrasts import Contrast, Preference, Unlikelihood
from detox_cli.services.train_cmd.cosine import Cosine
from detox_cli.services.train_cmd.trainer import ChainTrainer, Objective
from detox_cli.services.training.callbacks import Listener, Metrics
from detox_cli.services.training.checkpoints import Keeping, comparing
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.passes import Passes
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.recipe import Recipe, trainer_arguments
from detox_cli.settings.train_cmd import CmdSettings


@dataclass(frozen=True)
class Lessons:
    """What is learnt, by what.

    Attributes:
        model: The model, or the model with an adapter that alone is trained.
        tokenizer: Its tokenizer.
        layout: What it reads where.
        training: Rows to train on.
        held_out: Rows to measure with.
    """

    model: Any
    tokenizer: Any
    layout: Layout
    training: ChainRows
    held_out: ChainRows


def contrast_of(settings: CmdSettings, layout: Layout, tokenizer: Any) -> Contrast | None:
    """What is added to the loss of the chains."""
    if not settings.contrasted:
        return None
    if settings.contrast == "dpo":
        return Preference(layout, settings.max_neg, beta=settings.beta)
    if settings.contrast == "unlikelihood":
        return Unlikelihood(layout, settings.max_neg)
    bos = tokenizer.bos_token_id
    begins = bos is not None and layout.decoder_start is None and tokenizer("a")["input_ids"][:1] == [bos]
    return Cosine(
        layout,
        tau=settings.tau,
        most=settings.max_neg,
        pool=settings.pool,
        context=settings.contrast_context,
        anchor=settings.anchor,
        begin=[bos] if begins else [],
        end=tokenizer.eos_token_id,
        seed=settings.seed,
    )


def recipe_of(settings: CmdSettings, rows: int) -> tuple[Recipe, Passes]:
    """How to train, and in how many steps; ``rows`` is their number in an epoch."""
    recipe = Recipe.of(settings)
    return recipe, recipe.passes(rows)


def keeping_of(settings: CmdSettings, measured: bool) -> Keeping:
    """Which checkpoints stay, and which becomes the model."""
    metric = "eval_loss" if settings.select == "loss" else None
    return Keeping.of(settings, measured=measured, metric=metric)


def build_trainer(
    settings: CmdSettings,
    lessons: Lessons,
    folder: Path,
    task: Task,
    on_log: Callable[[int, Metrics], None],
) -> ChainTrainer:
    """Put everything together.

    Args:
        settings: Of the run.
        lessons: The model and its rows.
        folder: Where checkpoints go.
        task: Counts steps.
        on_log: Takes every log.
    """
    keeping = keeping_of(settings, len(lessons.held_out) > 0)
    recipe, passes = recipe_of(settings, len(lessons.training))
    words = trainer_arguments(recipe, passes, keeping, folder, settings.output)
    order = row_order(settings, lessons.training)
    sampled = settings.contrast == "cmd" and settings.anchor == "sample"
    trainer = ChainTrainer(
        Objective(
            lessons.layout,
            contrast_of(settings, lessons.layout, lessons.tokenizer),
            settings.alpha,
            settings.anchor_every if sampled else 1,
        ),
        order,
        model=lessons.model,
        args=TrainingArguments(**words),
        train_dataset=lessons.training,
        eval_dataset=lessons.held_out if len(lessons.held_out) else None,
        processing_class=lessons.tokenizer,
        callbacks=[Listener(task, on_log, order), *comparing(keeping, settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def row_order(settings: CmdSettings, training: ChainRows) -> SimilarLengths:
    """In which order rows are trained on."""
    in_a_step = settings.batch_size * settings.accumulate * world_size()
    lengths = training.lengths if settings.group_by_length else [1] * len(training)
    return SimilarLengths(lengths, in_a_step, settings.seed)
