"""Which checkpoints stay on the disk: the newest, which a killed run goes on from, and the best ones."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from detox_cli.services.train_bart.trainer_state import last_checkpoint, read_state, step_of
from detox_cli.settings.train import BartSettings

METRICS = {"j": "eval_J", "loss": "eval_loss"}


class KeepBest(TrainerCallback):  # type: ignore[misc]
    """After every save, remove what is neither among the best nor among the newest."""

    def __init__(self, settings: BartSettings) -> None:
        self._settings = settings

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A checkpoint is complete."""
        if state.is_world_process_zero:
            folder = Path(str(args.output_dir))
            newest = sorted(map(step_of, folder.glob("checkpoint-*")))[-self._settings.checkpoints :]
            remove_others(folder, {*best_steps(state.log_history, self._settings), *newest})


def best_steps(log: Iterable[Mapping[str, Any]], settings: BartSettings) -> list[int]:
    """The steps of the best measurements, best first; of equal ones the earlier is better."""
    name = METRICS[settings.select]
    sign = -1 if settings.select == "j" else 1
    measured = {int(record["step"]): sign * float(record[name]) for record in log if name in record}
    return sorted(measured, key=lambda step: (measured[step], step))[: max(1, settings.keep_best)]


def tidy(folder: Path, settings: BartSettings) -> None:
    """At the end of a run leave what the settings want of its checkpoints."""
    if settings.keep_checkpoints:
        return
    last = last_checkpoint(folder) if settings.keep_best else None
    if last is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    remove_others(folder, set(best_steps((read_state(last) or {})["log_history"], settings)))


def remove_others(folder: Path, steps: set[int]) -> None:
    """Remove the checkpoints of all other steps."""
    for checkpoint in folder.glob("checkpoint-*"):
        if step_of(checkpoint) not in steps:
            shutil.rmtree(checkpoint, ignore_errors=True)
