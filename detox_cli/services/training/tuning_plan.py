"""What a plan says of a run that tunes a causal or encoder-decoder model, whole or by an adapter."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.training.memory import training_bytes

BINS = (8, 16, 32, 64, 128, 256, 512, 1024)
ROWS_SHOWN = 3
WORDS_SHOWN = 12
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ACTIVATION_BYTES = 34
"""Per token, layer and unit of width, in half precision: Korthikanti et al. 2022, arXiv 2205.05198, section
4.1, with attention computed in blocks."""
CHECKPOINTED_BYTES = 2
"""The same where only the input of every layer is kept."""


class MemorySettings(Protocol):
    """What decides the memory of a step, beside the model and its rows."""

    @property
    def adapted(self) -> bool: ...  # noqa: D102
    @property
    def qlora(self) -> str | None: ...  # noqa: D102
    @property
    def dtype(self) -> Literal["float32", "bfloat16", "float16"]: ...  # noqa: D102
    @property
    def precision(self) -> str: ...  # noqa: D102
    @property
    def optimizer(self) -> str: ...  # noqa: D102
    @property
    def gradient_checkpointing(self) -> bool: ...  # noqa: D102


class Memory(BaseModel):
    """What a training step needs, in bytes."""

    model_config = ConfigDict(frozen=True)

    weights: int = Field(description="Weights, gradients and optimizer.")
    reference: int = Field(description="A second model: the reference, or what judges continuations.")
    activations: int = Field(description="Of one batch of the longest rows; an estimate.")

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.reference + self.activations


class TuningPlan(Result):
    """The size of a run."""

    rows: dict[str, int] = Field(description="Rows read, left out by reason, to train on and to hold out.")
    tokens: dict[str, dict[str, int]] = Field(description="How many texts have up to so many tokens.")
    parameters: dict[str, int] = Field(description="Weights to train, and all.")
    steps_per_epoch: int = Field(description="Optimizer steps in one pass.")
    steps: int = Field(description="Optimizer steps in all, unless it stops earlier.")
    trainings: int = Field(description="How many seeds are trained, one after the other.")
    measured_every: int = Field(description="Steps between measurements.")
    memory: Memory

    def headline(self) -> str:
        """The number of steps."""
        return str(self.steps)

    def lengths(self, part: str) -> Table:
        """How long the parts of the rows are."""
        bins = list(next(iter(self.tokens.values())))
        rows: list[list[Cell]] = [[name, *found.values()] for name, found in self.tokens.items()]
        return Table(title="tokens, up to", columns=[part, *bins], rows=rows)

    def run(self) -> Table:
        """Weights, steps and memory."""
        memory = self.memory
        rows: list[list[Cell]] = [
            ["weights that are trained", self.parameters["trained"]],
            ["all weights", self.parameters["all"]],
            ["steps in an epoch", self.steps_per_epoch],
            ["steps at most", self.steps],
            ["steps between measurements", self.measured_every],
            ["trainings of so many steps", self.trainings],
            ["memory: weights, gradients, optimizer, MB", round(memory.weights / 1e6)],
            ["memory: a second model, MB", round(memory.reference / 1e6)],
            ["memory: activations, about, MB", round(memory.activations / 1e6)],
        ]
        return Table(title="plan", columns=["what", "count"], rows=rows)


def weights_of(trained: int, parameters: int, *, adapted: bool) -> dict[str, int]:
    """Weights that are trained, and all: an adapter's are beside the model's."""
    return {"trained": trained, "all": parameters + (trained if adapted else 0)}


def memory_of(
    settings: MemorySettings,
    config: Any,
    weights: Mapping[str, int],
    *,
    rows: int,
    longest: int,
    second: bool = False,
) -> Memory:
    """What a step takes.

    Args:
        settings: Of the run.
        config: Of the model.
        weights: As `weights_of` has them.
        rows: That a batch reads at once.
        longest: Tokens of the longest one.
        second: Whether another model of the same size is in memory.
    """
    held, trained = BYTES[settings.dtype], weights["trained"]
    frozen = weights["all"] - trained
    text = config.get_text_config()
    layers = getattr(text, "num_hidden_layers", 0) + (getattr(text, "decoder_layers", 0) or 0)
    per_unit = CHECKPOINTED_BYTES if settings.gradient_checkpointing else ACTIVATION_BYTES
    wide = 2 if held == 4 and settings.precision == "float32" else 1
    under = round(frozen * (0.5 if settings.qlora else held))
    return Memory(
        weights=training_bytes(trained, settings.optimizer) + under,
        reference=(frozen or trained) * held if second else 0,
        activations=rows * longest * layers * text.hidden_size * per_unit * wide,
    )


def histogram(texts: Sequence[Sequence[int]]) -> dict[str, int]:
    """How many texts fall into each bin of lengths; the last one has what is longer."""
    borders = (0, *BINS)
    found = {
        str(high): sum(low < len(ids) <= high for ids in texts)
        for low, high in zip(borders, BINS, strict=False)
    }
    return found | {"more": sum(len(ids) > BINS[-1] for ids in texts)}


def masked(text: str) -> str:
    """The first words of a text, of each only the first letter."""
    words = text.split()
    shown = [re.sub(r"(?<=\w)\w", "*", word) for word in words[:WORDS_SHOWN]]
    return " ".join(shown) + (f" … ({len(words)} words)" if len(words) > WORDS_SHOWN else "")
