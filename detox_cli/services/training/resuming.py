"""Training that goes on where a killed run stopped."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.runs.atomic import disk_trouble
from detox_cli.services.training.checkpoints import Keeping
from detox_cli.services.training.processes import wait_for_all, world_size
from detox_cli.services.training.sharding import check_split, tied_again
from detox_cli.services.training.trainer_state import last_checkpoint, processes_of, read_state, was_stopped

CUT_OFF = ("PytorchStreamReader", "failed finding central directory")
"""What torch says of a file that is no whole one of its own."""
LESS_MEMORY = "halve --batch-size and double --accumulate, or add --gradient-checkpointing"


@dataclass(frozen=True)
class Start:
    """Where a training begins: at the last complete checkpoint of an earlier part, or at nothing."""

    checkpoint: Path | None = None
    state: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Optimizer steps that an earlier part has done."""
        return int(self.state.get("global_step", 0))

    @property
    def words(self) -> str:
        """For a stage: where it goes on, if it does."""
        return f", from step {self.done}" if self.done else ""


def find_start(folder: Path) -> Start:
    """Look for checkpoints of an earlier part in ``folder``.

    Raises:
        BadSettings: Another number of processes has saved them, whose steps had other rows.
    """
    checkpoint = last_checkpoint(folder)
    if checkpoint and (before := processes_of(checkpoint)) != world_size():
        message = f"an unfinished run of {before} processes is there, and this one has {world_size()}"
        hint = f"launch it again with --num_processes {before}, or remove this folder to start anew"
        raise BadSettings(message, where=str(folder), hint=hint)
    return Start(checkpoint, (read_state(checkpoint) if checkpoint else None) or {})


@dataclass(frozen=True)
class Trained:
    """A finished training: the trainer, the last step, and the step whose weights were kept."""

    trainer: Any
    steps: int
    kept_step: int

    def whole_weights(self) -> Mapping[str, Any] | None:
        """The state dict gathered from all processes; ``None`` where one process has the whole model.

        With ZeRO 3 the first process alone gets it, and the others nothing.
        """
        if self.trainer.args.world_size == 1:
            return None
        gathered = self.trainer.accelerator.get_state_dict(self.trainer.model_wrapped)
        return tied_again(self.trainer.model, gathered or {})


def train(trainer: Any, start: Start, keeping: Keeping) -> Trained:
    """Train the trainer's model in place, from ``start``; afterwards it has the weights to keep.

    Args:
        trainer: One of transformers, or made from it.
        start: Where to begin, from `find_start`.
        keeping: Which checkpoint becomes the model.

    Raises:
        DetoxError: A step does not fit into memory, or the disk is full.
        BadData: The checkpoint is damaged.
        BadSettings: The model was to be split over processes, and is not.
    """
    check_split(trainer)
    _save_together(trainer)
    state: Mapping[str, Any] = start.state
    if start.checkpoint and was_stopped(state):
        take_weights(trainer.model, _kept_checkpoint(keeping, start.checkpoint, state))
    else:
        with explained(Path(trainer.args.output_dir)):
            trainer.train(resume_from_checkpoint=str(start.checkpoint) if start.checkpoint else None)
        # What is measured from here on is the model as it is saved, as after a restart, not in the numbers
        # that training computes in.
        trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        state = dict(vars(trainer.state))
    kept = state.get("best_global_step") if trainer.args.load_best_model_at_end else None
    return Trained(trainer, int(state["global_step"]), int(kept or state["global_step"]))


def _save_together(trainer: Any) -> None:
    """Have the first process close a checkpoint, with its state, after all others have written their part."""
    save = trainer._save_rng_state

    def save_and_wait(folder: str) -> None:
        save(folder)
        wait_for_all()

    trainer._save_rng_state = save_and_wait


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Say in one line what ends a training that was all right until then; ``folder`` has its checkpoints."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        what = "a training step does not fit into the memory of the GPU"
        raise DetoxError(what, hint=LESS_MEMORY) from error
    except Exception as error:
        if trouble := disk_trouble(error):
            hint = "make room and run the same command again: it goes on from the last checkpoint"
            raise DetoxError(trouble, where=str(folder), hint=hint) from error
        if isinstance(error, pickle.UnpicklingError | EOFError) or any(
            sign in str(error) for sign in CUT_OFF
        ):
            hint = "remove the newest checkpoint in it: training goes on from the one before, or anew"
            raise BadData("a checkpoint is damaged", where=str(folder), hint=hint) from error
        raise


def take_weights(model: Any, checkpoint: Path) -> None:
    """Give a model, or the adapter on it, the weights of a checkpoint of its own training."""
    if hasattr(model, "peft_config"):
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        set_peft_model_state_dict(model, load_file(checkpoint / "adapter_model.safetensors"))
        return
    model.load_state_dict(type(model).from_pretrained(checkpoint).state_dict())


def _kept_checkpoint(keeping: Keeping, last: Path, state: Mapping[str, Any]) -> Path:
    best = state.get("best_global_step")
    return last.with_name(f"checkpoint-{best}") if keeping.chooses and best else last
