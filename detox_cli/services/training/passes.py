"""How many steps a training has, and at which of them it is measured, saved and logged."""

import math
from dataclasses import dataclass

from detox_cli.services.training.processes import world_size


@dataclass(frozen=True)
class Passes:
    """The passes of a training over its rows.

    Attributes:
        rows: Rows in an epoch, over all processes.
        batch_size: Rows per process and batch.
        accumulate: Batches in an optimizer step.
        epochs: Passes that were asked for.
        min_steps: Optimizer steps at least; few rows get more passes.
        eval_every: Epochs between measurements.
    """

    rows: int
    batch_size: int
    accumulate: int
    epochs: float
    min_steps: int
    eval_every: float

    @property
    def per_epoch(self) -> int:
        """Optimizer steps in one pass."""
        batches = math.ceil(math.ceil(self.rows / world_size()) / self.batch_size)
        return math.ceil(batches / self.accumulate)

    @property
    def passes(self) -> float:
        """Passes over the data: as asked for, or more where that would be fewer than the least steps."""
        return max(self.epochs, math.ceil(self.min_steps / self.per_epoch))

    @property
    def total(self) -> int:
        """Optimizer steps of the whole training, if it is not stopped early."""
        return math.ceil(self.passes * self.per_epoch)

    @property
    def measured_every(self) -> int:
        """Optimizer steps between measurements; more passes over few rows are not measured more often."""
        every = round(self.eval_every * self.passes / self.epochs * self.per_epoch)
        return max(1, min(self.total, every))

    @property
    def logged_every(self) -> int:
        """About forty logs in all, at steps that meet every checkpoint, so that a resumed log is the same."""
        wanted = max(1, min(self.measured_every, self.total // 40))
        return max(steps for steps in range(1, wanted + 1) if self.measured_every % steps == 0)
