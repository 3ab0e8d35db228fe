"""What ``detox train lm`` would do: texts, tokens, steps and memory, before any weight is loaded."""

from accelerate import PartialState
from pydantic import Field
from transformers import AutoModelForCausalLM

from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_lm.batches import EncodedTexts, Tokens
from detox_cli.services.train_lm.data import read_texts
from detox_cli.services.train_lm.learning import encoding_of
from detox_cli.services.train_lm.parts import Overlap, cut, overlap
from detox_cli.services.train_lm.run import check
from detox_cli.services.training.lora import LoraShape
from detox_cli.services.training.memory import (
    BFLOAT16,
    FLOAT32,
    adapter_parameters,
    count_parameters,
    training_bytes,
)
from detox_cli.services.training.recipe import Recipe
from detox_cli.settings.train_lm import LmSettings


class LmPlan(Result):
    """The size of a training."""

    rows: dict[str, int] = Field(description="Texts to use, to hold out and to leave out, by reason.")
    chosen: str = Field(description="Which texts are chosen.")
    parts: list[Tokens] = Field(description="How much there is to learn from in each part.")
    overlap: Overlap = Field(description="What the parts have in common.")
    parameters: int = Field(description="Weights of the model.")
    trained: int = Field(description="Weights that are trained.")
    steps: int = Field(description="Optimizer steps in all, over all parts, unless it stops earlier.")
    measurements: int = Field(description="How often it measures and saves, over all parts.")
    memory_bytes: int = Field(description="Weights, gradients and optimizer; activations come on top.")

    def tables(self) -> list[Table]:
        """The parts, then one line per number."""
        columns = ["part", "texts", "tokens", "cut", "longest", "rows"]
        parts: list[list[Cell]] = [
            [number, part.texts, part.tokens, part.cut, part.longest, part.rows]
            for number, part in enumerate(self.parts)
        ]
        lines: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        lines += [
            ["texts in two parts", self.overlap.equal + self.overlap.nearly_equal],
            ["parameters", self.parameters],
            ["parameters that are trained", self.trained],
            ["steps at most", self.steps],
            ["measurements at most", self.measurements],
            ["memory without activations, MB", round(self.memory_bytes / 1e6)],
        ]
        return [
            Table(title="parts", columns=columns, rows=parts, caption=self.chosen),
            Table(title="plan", columns=["what", "count"], rows=lines),
        ]

    def headline(self) -> str:
        """The number of steps."""
        return str(self.steps)


def plan(settings: LmSettings, progress: Progress) -> LmPlan:
    """Read the texts and the model's configuration; raises what the run itself would raise about them."""
    PartialState()
    check(settings)
    texts = read_texts(settings, progress, listing=True)
    source = find_model(settings.model, settings.revision)
    config = read_config(source, settings.trust_remote_code)
    encoding = encoding_of(settings, getattr(config, "max_position_embeddings", None))
    tokenizer = load_tokenizer(source, settings.trust_remote_code)
    parts = cut(texts.training, settings.split)
    tokens = [EncodedTexts(part.texts, tokenizer, encoding).tokens for part in parts]
    passes = [Recipe.of(settings).passes(part.rows) for part in tokens]
    parameters = count_parameters(AutoModelForCausalLM, config)
    shape = LoraShape.read(settings.lora) if settings.lora else None
    trained = adapter_parameters(AutoModelForCausalLM, config, shape) if shape else parameters
    frozen = parameters if shape else 0
    width = BFLOAT16 if settings.dtype == "bfloat16" else FLOAT32
    return LmPlan(
        rows=texts.counts,
        chosen=texts.choice.words,
        parts=tokens,
        overlap=overlap(parts, texts.held_out),
        parameters=parameters,
        trained=trained,
        steps=sum(one.total for one in passes),
        measurements=sum(-(-one.total // one.measured_every) for one in passes),
        memory_bytes=training_bytes(trained, settings.optimizer, frozen, width),
    )
