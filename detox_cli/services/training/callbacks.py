"""What listens to a trainer while it works."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from detox_cli.output.progress import Task

Metrics = dict[str, float]


class HasEpochs(Protocol):
    """A sampler whose order depends on the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        ...


class Listener(TrainerCallback):  # type: ignore[misc]
    """Counts steps, hands every log on, and tells the sampler the epoch."""

    def __init__(
        self, task: Task, on_log: Callable[[int, Metrics], None], order: HasEpochs | None = None
    ) -> None:
        self._task = task
        self._on_log = on_log
        self._order = order

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Accelerate forwards the epoch to the sampler on one process only."""
        if self._order is not None:
            self._order.set_epoch(math.floor((state.epoch or 0) + 1e-6))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """One optimizer step is done."""
        self._task.advance()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Loss, learning rate or a measurement."""
        numbers = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        if state.is_world_process_zero and not any(k.startswith("train_") for k in numbers):
            self._on_log(state.global_step, numbers)
