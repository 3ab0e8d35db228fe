"""The training loop of a language model: transformers' trainer, on grouped or packed texts."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from detox_cli.output.progress import Task
from detox_cli.services.train_lm.batches import Collator, EncodedTexts
from detox_cli.services.train_lm.measuring import row_nats
from detox_cli.services.training.callbacks import Listener, Metrics
from detox_cli.services.training.checkpoints import Keeping, comparing
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.recipe import Recipe, trainer_arguments
from detox_cli.settings.train_lm import LmSettings

HIGHEST = 700.0
"""Nats per token whose perplexity is still a number."""


class LmTrainer(Trainer):  # type: ignore[misc]
    """Trains on an order of rows of its own, and measures the held-out loss per token, not per batch.

    Attributes:
        step_loss: Nats per token that the model lost on the batches since `take_step_loss`.
    """

    def __init__(self, order: SimilarLengths, ascent: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self._order = order
        self._ascent = ascent
        self._read: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._step_loss: list[torch.Tensor] = []

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """What is to go down: what the model loses, for gradient ascent the negative of it."""
        if model.training:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            return -loss if self._ascent else loss
        loss, outputs = super().compute_loss(model, inputs, True)
        self._read.append(self.accelerator.gather_for_metrics(row_nats(outputs.logits, inputs["labels"])))
        return (loss, outputs) if return_outputs else loss

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One batch; what the model lost on it is noted."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self._step_loss.append(loss.detach().float())
        return loss

    def take_step_loss(self) -> float:
        """Nats per token that the model lost on the batches since the last call, over all processes."""
        mine = torch.stack(self._step_loss).sum().reshape(1)
        self._step_loss.clear()
        return abs(float(self.accelerator.gather(mine).mean()))

    def forget_step_loss(self) -> None:
        """Nobody wants to know it."""
        self._step_loss.clear()

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loop, then nats per token over all batches of all processes."""
        self._read.clear()
        output = super().evaluation_loop(*args, **kwargs)
        nats, tokens = (float(torch.cat(side).sum()) for side in zip(*self._read, strict=True))
        loss = nats / max(1.0, tokens)
        output.metrics["eval_loss"] = loss
        output.metrics["eval_perplexity"] = math.exp(min(loss, HIGHEST))
        return output

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log what the model loses, also where it is to go up."""
        if self._ascent and "loss" in logs:
            logs["loss"] = -logs["loss"]
        super().log(logs, *args, **kwargs)


class LossLimit(TrainerCallback):  # type: ignore[misc]
    """Stops before the first step on whose batches the model lost more than a limit, in nats per token.

    The model stays as it was when it lost that much: the gradients are dropped. Under DeepSpeed, which steps
    on its own, and in float16 without ``--max-grad-norm`` it has taken that step.

    Attributes:
        stopped_at: What it lost there; ``None`` if it never was too much.
    """

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._trainer: LmTrainer | None = None
        self.stopped_at: float | None = None

    def watch(self, trainer: LmTrainer) -> None:
        """Say whose loss it is."""
        self._trainer = trainer

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The gradients of one optimizer step are there."""
        assert self._trainer is not None
        if self._limit is None:
            self._trainer.forget_step_loss()
            return
        loss = self._trainer.take_step_loss()
        if not loss <= self._limit:
            self.stopped_at = loss
            if args.max_grad_norm or not args.fp16:  # a scaler of losses has to have seen gradients
                self._trainer.optimizer.zero_grad()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The step is done, or was left out."""
        if self.stopped_at is not None:
            control.should_training_stop = True
            control.should_evaluate = args.eval_strategy != "no"


def keeping_of(settings: LmSettings, measured: bool) -> Keeping:
    """Which checkpoints stay, and which one becomes the model."""
    metric = "eval_loss" if settings.select == "loss" else None
    return Keeping.of(settings, measured=measured, metric=metric)


def build_trainer(
    settings: LmSettings,
    model: Any,
    tokenizer: Any,
    sides: tuple[EncodedTexts, EncodedTexts],
    folder: Path,
    task: Task,
    on_log: Callable[[int, Metrics], None],
) -> tuple[LmTrainer, LossLimit]:
    """Everything that trains, put together; ``sides`` are the texts to train on and those held out."""
    training, held_out = sides
    keeping, recipe = keeping_of(settings, len(held_out) > 0), Recipe.of(settings)
    words = trainer_arguments(recipe, recipe.passes(len(training)), keeping, folder, settings.output)
    order, limit = row_order(settings, training), LossLimit(settings.max_loss)
    pad_token = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    trainer = LmTrainer(
        order,
        settings.ascent,
        model=model,
        args=TrainingArguments(**words),
        train_dataset=training,
        eval_dataset=held_out if len(held_out) else None,
        data_collator=Collator(pad_token, settings.packing),
        processing_class=tokenizer,
        callbacks=[Listener(task, on_log, order), limit, *comparing(keeping, settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    limit.watch(trainer)
    return trainer, limit


def row_order(settings: LmSettings, training: EncodedTexts) -> SimilarLengths:
    """In which order rows are trained on."""
    in_a_step = settings.batch_size * settings.accumulate * world_size()
    lengths = training.lengths if settings.group_by_length else [1] * len(training)
    return SimilarLengths(lengths, in_a_step, settings.seed)
