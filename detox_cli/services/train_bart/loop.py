"""Training that goes on where a killed run stopped, with one log over all its parts."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from detox_cli.errors import DetoxError
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import disk_trouble
from detox_cli.runs.journal import Journal
from detox_cli.services.train_bart.batches import Encoded
from detox_cli.services.train_bart.trainer import (
    Measure,
    Metrics,
    RewriterTrainer,
    build_trainer,
    mixture_of,
    total_steps,
)
from detox_cli.services.train_bart.trainer_state import last_checkpoint, read_state, was_stopped
from detox_cli.settings.train import BartSettings

SHOWN = {"loss": "loss", "eval_loss": "held-out loss", "eval_J": "J", "eval_chrF": "chrF"}
CLOCK = ("runtime", "per_second", "total_flos")


@dataclass(frozen=True)
class Sides:
    """Encoded rows of both sides, and what is measured on the way."""

    training: Encoded
    held_out: Encoded
    measure: Measure


@dataclass(frozen=True)
class Trained:
    """A finished training: the trainer, the last step, and the step whose weights were kept."""

    trainer: RewriterTrainer
    steps: int
    kept_step: int

    def whole_weights(self) -> Mapping[str, Any] | None:
        """The state dict gathered from all processes; ``None`` where one process has the whole model."""
        if self.trainer.args.world_size == 1:
            return None
        gathered: Mapping[str, Any] = self.trainer.accelerator.get_state_dict(self.trainer.model_wrapped)
        return gathered


def fit(
    settings: BartSettings,
    loaded: Loaded,
    sides: Sides,
    folder: Path,
    journal: Journal | None,
    progress: Progress,
) -> Trained:
    """Train ``loaded.model`` in place, from the last complete checkpoint in ``folder`` or from the start.

    Args:
        settings: Of the run.
        loaded: The model, whose generation config is the one to measure with.
        sides: The rows.
        folder: Where checkpoints are.
        journal: Takes every log; ``None`` on all processes but the first.
        progress: Told about steps and metrics.
    """
    checkpoint = last_checkpoint(folder)
    state = (read_state(checkpoint) if checkpoint else None) or {}
    done = int(state.get("global_step", 0))
    total = total_steps(settings, len(mixture_of(settings, sides.training.files)))
    progress.stage(f"training on {len(sides.training)} pairs" + (f", from step {done}" if done else ""))
    with progress.task("training", total, done) as task:
        trainer = build_trainer(
            settings,
            loaded,
            (sides.training, sides.held_out),
            sides.measure,
            folder,
            task,
            _listener(journal, progress),
        )
        if checkpoint and was_stopped(state):
            _take_weights(loaded, _kept_checkpoint(settings, checkpoint, state))
        else:
            with _explained(folder):
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            state = dict(vars(trainer.state))
    kept = state.get("best_global_step") if trainer.args.load_best_model_at_end else None
    return Trained(trainer, int(state["global_step"]), int(kept or state["global_step"]))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say in one line what ends a training that was all right until then."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        hint = "halve --batch-size and double --accumulate, or add --gradient-checkpointing"
        raise DetoxError("a training step does not fit into the memory of the GPU", hint=hint) from error
    except Exception as error:
        if trouble := disk_trouble(error):
            hint = "make room and run the same command again: it goes on from the last checkpoint"
            raise DetoxError(trouble, where=str(folder), hint=hint) from error
        raise


def _kept_checkpoint(settings: BartSettings, last: Path, state: Mapping[str, Any]) -> Path:
    best = state.get("best_global_step")
    return last if settings.select == "last" or not best else last.with_name(f"checkpoint-{best}")


def _take_weights(loaded: Loaded, checkpoint: Path) -> None:
    trained = type(loaded.model).from_pretrained(checkpoint)
    loaded.model.load_state_dict(trained.state_dict())


def _listener(journal: Journal | None, progress: Progress) -> Callable[[int, Metrics], None]:
    def on_log(step: int, logs: Metrics) -> None:
        if math.isnan(logs.get("eval_loss", 0.0)):
            raise DetoxError(f"the loss is not a number at step {step}", hint="lower --learning-rate")
        record = {name: value for name, value in logs.items() if not name.endswith(CLOCK)}
        if journal is not None:
            journal.append({"step": step, **record})
        for name, shown in SHOWN.items():
            if name in logs:
                progress.metric(shown, logs[name], step)

    return on_log


def one_log(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The log without what a killed run had logged after its last checkpoint and the next one did again."""
    merged: dict[tuple[int, bool], dict[str, Any]] = {}
    for record in records:
        merged[record["step"], "eval_loss" in record] = dict(record)
    return [merged[key] for key in sorted(merged)]
