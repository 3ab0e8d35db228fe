"""One candidate measured: the base with other weights, in memory."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from detox_cli.models.applied import InMemory
from detox_cli.models.merging.rounding import Round
from detox_cli.models.merging.tensor import Job
from detox_cli.output.progress import Progress
from detox_cli.services.measured_model import Measured, MeasuredModel
from detox_cli.services.negate.prepared import Planned
from detox_cli.settings.eval_generation import EvalGenerationSettings


class MeasuredBase(MeasuredModel):
    """Measures the base and candidates that are put into its place; loaded when the first one comes.

    Args:
        settings: How ``eval generation`` would measure the base.
        text: The text for perplexity; bundled prose if ``None``, as prompts are bundled openings.
        planned: Base and experts.
        threads: How many put weights into memory.
        rounding: How weights become stored numbers.
        progress: Listens.

    Raises:
        BadData: Prompts or text cannot be read.
        BadSettings: The base does not run in this process, or a name is wrong.
        Missing: Something that measures is not there.
    """

    def __init__(
        self,
        settings: EvalGenerationSettings,
        text: Path | None,
        planned: Planned,
        threads: int,
        rounding: Round,
        progress: Progress,
    ) -> None:
        super().__init__(settings, text, progress)
        self._planned, self._threads, self._rounding = planned, threads, rounding

    def measure(self, name: str, jobs: Mapping[str, Job] | None) -> Measured:
        """Measure the base with other weights, or as it is; afterwards it is as it was."""
        if jobs is None:
            return self.measure_in(name)
        with self._memory.applied(jobs, self._planned.types, self._rounding):
            return self.measure_in(name)

    @cached_property
    def _memory(self) -> InMemory:
        engine: Any = self.engine
        return InMemory(engine.model, self._planned.base.weights, self._threads)
