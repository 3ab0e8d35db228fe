"""What ``detox train spans`` would do: texts, windows, steps and memory, before any weight is loaded."""

from accelerate import PartialState
from pydantic import Field
from transformers import AutoModel

from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.scoring.spans.encoding import check_offsets
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_spans.data import read_posts
from detox_cli.services.train_spans.run import check
from detox_cli.services.train_spans.start import check_encoder
from detox_cli.services.training.memory import count_parameters, training_bytes
from detox_cli.services.training.recipe import Recipe
from detox_cli.settings.train_spans import SpansSettings


class SpansPlan(Result):
    """The size of a training."""

    rows: dict[str, int] = Field(description="Texts on each side and left out, by reason.")
    parameters: int = Field(description="Weights of the encoder, all of them trained.")
    steps: int = Field(description="Optimizer steps in one training, unless it stops earlier.")
    trainings: int = Field(description="How many seeds are trained, one after the other.")
    measurements: int = Field(description="How often it measures and saves in one training.")
    memory_bytes: int = Field(description="Weights, gradients and optimizer; activations come on top.")

    def tables(self) -> list[Table]:
        """One line per number."""
        lines: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        lines += [
            ["parameters", self.parameters],
            ["steps at most", self.steps],
            ["trainings of so many steps", self.trainings],
            ["measurements at most", self.measurements],
            ["memory without activations, MB", round(self.memory_bytes / 1e6)],
        ]
        caption = "a text that is longer than --max-length makes several rows, which adds steps"
        return [Table(title="plan", columns=["what", "count"], rows=lines, caption=caption)]

    def headline(self) -> str:
        """The number of steps."""
        return str(self.steps)


def plan(settings: SpansSettings, progress: Progress) -> SpansPlan:
    """Read the texts and the model's configuration; raises what the run itself would raise about them."""
    PartialState()
    check(settings)
    posts = read_posts(settings, progress)
    source = find_model(settings.model, settings.revision)
    config = read_config(source, settings.trust_remote_code)
    check_encoder(config, source.name)
    check_offsets(load_tokenizer(source, settings.trust_remote_code), source.name)
    parameters = count_parameters(AutoModel, config)
    passes = Recipe.of(settings).passes(len(posts.training))
    return SpansPlan(
        rows=posts.counts,
        parameters=parameters,
        steps=passes.total,
        trainings=max(1, len(settings.seeds)),
        measurements=-(-passes.total // passes.measured_every),
        memory_bytes=training_bytes(parameters, settings.optimizer),
    )
