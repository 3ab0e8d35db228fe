"""What ``detox train bart`` would do: rows, steps and memory, before any weight is loaded."""

from accelerate import PartialState
from pydantic import Field
from transformers import AutoModelForSeq2SeqLM

from detox_cli.models.loading import read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_bart.data import read_data
from detox_cli.services.train_bart.trainer import mixture_of
from detox_cli.services.training.memory import count_parameters, training_bytes
from detox_cli.services.training.recipe import Recipe
from detox_cli.settings.train import BartSettings


class BartPlan(Result):
    """The size of a training run."""

    rows: dict[str, int] = Field(description="Rows to use, to hold out and to leave out, by reason.")
    parameters: int = Field(description="Weights to train.")
    steps_per_epoch: int = Field(description="Optimizer steps in one pass.")
    steps: int = Field(description="Optimizer steps in all, unless it stops earlier.")
    trainings: int = Field(description="How many seeds are trained, one after the other.")
    measurements: int = Field(description="How often it measures and saves.")
    memory_bytes: int = Field(description="Weights, gradients and optimizer; activations come on top.")

    def tables(self) -> list[Table]:
        """One line per number."""
        lines: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        lines += [
            ["parameters", self.parameters],
            ["steps in an epoch", self.steps_per_epoch],
            ["steps at most", self.steps],
            ["trainings of so many steps", self.trainings],
            ["measurements at most", self.measurements],
            ["memory without activations, MB", round(self.memory_bytes / 1e6)],
        ]
        return [Table(title="plan", columns=["what", "count"], rows=lines)]

    def headline(self) -> str:
        """The number of steps."""
        return str(self.steps)


def plan(settings: BartSettings, progress: Progress) -> BartPlan:
    """Read the pairs and the model's configuration; raises what the run itself would raise about them."""
    PartialState()
    data = read_data(settings, progress)
    source = find_model(settings.model, settings.revision)
    parameters = count_parameters(AutoModelForSeq2SeqLM, read_config(source, settings.trust_remote_code))
    rows = len(mixture_of(settings, (example.file for example in data.training)))
    passes = Recipe.of(settings).passes(rows)
    return BartPlan(
        rows=data.counts,
        parameters=parameters,
        steps_per_epoch=passes.per_epoch,
        steps=passes.total,
        trainings=max(1, len(settings.seeds)),
        measurements=-(-passes.total // passes.measured_every),
        memory_bytes=training_bytes(parameters, settings.optimizer),
    )
