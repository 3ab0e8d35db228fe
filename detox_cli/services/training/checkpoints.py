"""Which checkpoints stay on the disk: the newest, which a killed run goes on from, and the best ones."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from detox_cli.services.training.trainer_state import last_checkpoint, read_state, step_of


class KeepingSettings(Protocol):
    """What a command is told about its checkpoints."""

    @property
    def keep_best(self) -> int: ...  # noqa: D102
    @property
    def checkpoints(self) -> int: ...  # noqa: D102
    @property
    def keep_checkpoints(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class Keeping:
    """What becomes of checkpoints.

    Attributes:
        measured: Whether there is something held out to measure them with.
        metric: The name in the log that says which is best; ``None`` takes the last one.
        greater_is_better: Which way that metric points.
        best: How many of the best stay at the end.
        newest: How many of the newest stay on the way.
        all: Leave at the end whatever is there.
    """

    measured: bool
    metric: str | None = None
    greater_is_better: bool = False
    best: int = 0
    newest: int = 1
    all: bool = False

    @classmethod
    def of(
        cls, settings: KeepingSettings, *, measured: bool, metric: str | None, greater_is_better: bool = False
    ) -> Self:
        """As the settings have it; where nothing compares checkpoints, none of them is among the best."""
        best = settings.keep_best if metric else 0
        newest, everything = settings.checkpoints, settings.keep_checkpoints
        return cls(measured, metric, greater_is_better, best, newest, everything)

    @property
    def chooses(self) -> bool:
        """Whether the best one, not the last one, becomes the model."""
        return self.measured and self.metric is not None


class KeepBest(TrainerCallback):  # type: ignore[misc]
    """After every save, remove what is neither among the best nor among the newest."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A checkpoint is complete."""
        if state.is_world_process_zero:
            folder = Path(str(args.output_dir))
            newest = sorted(map(step_of, folder.glob("checkpoint-*")))[-self._keeping.newest :]
            remove_others(folder, {*best_steps(state.log_history, self._keeping), *newest})


def comparing(keeping: Keeping, patience: int) -> list[TrainerCallback]:
    """What acts on measurements: stops after so many without a better one, unless 0; keeps the best ones."""
    found: list[TrainerCallback] = []
    if keeping.chooses and patience:
        found.append(EarlyStoppingCallback(patience))
    if keeping.best:
        found.append(KeepBest(keeping))
    return found


def best_steps(log: Iterable[Mapping[str, Any]], keeping: Keeping) -> list[int]:
    """The steps of the best measurements, best first; of equal ones the earlier is better."""
    sign = -1 if keeping.greater_is_better else 1
    name = str(keeping.metric)
    measured = {int(record["step"]): sign * float(record[name]) for record in log if name in record}
    return sorted(measured, key=lambda step: (measured[step], step))[: max(1, keeping.best)]


def tidy(folder: Path, keeping: Keeping) -> None:
    """At the end of a run leave what is wanted of its checkpoints."""
    if keeping.all:
        return
    last = last_checkpoint(folder) if keeping.best else None
    if last is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    remove_others(folder, set(best_steps((read_state(last) or {})["log_history"], keeping)))


def remove_others(folder: Path, steps: set[int]) -> None:
    """Remove the checkpoints of all other steps."""
    for checkpoint in folder.glob("checkpoint-*"):
        if step_of(checkpoint) not in steps:
            shutil.rmtree(checkpoint, ignore_errors=True)
