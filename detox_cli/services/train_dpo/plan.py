"""What ``detox train dpo`` would do: rows, lengths, steps and memory, before any weight is loaded."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from transformers import AutoModelForCausalLM

from detox_cli.data.preferences.preference import Preference, plain
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_dpo.adapters import lora_shape
from detox_cli.services.train_dpo.building import Sides, recipe_of
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.encode import Encoded
from detox_cli.services.train_dpo.run import check
from detox_cli.services.train_dpo.single import counts_of, encode_sides, limit_of
from detox_cli.services.training.memory import count_parameters, training_bytes
from detox_cli.services.training.processes import join_processes
from detox_cli.settings.train_dpo import DpoSettings

BINS = (8, 16, 32, 64, 128, 256, 512, 1024)
ROWS_SHOWN = 3
WORDS_SHOWN = 12
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ACTIVATION_BYTES = 34
"""Per token, layer and unit of width, in half precision: Korthikanti et al. 2022, arXiv 2205.05198, section
4.1, with attention computed in blocks."""
CHECKPOINTED_BYTES = 2
"""The same where only the input of every layer is kept."""


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


class DpoPlan(Result):
    """The size of a training run."""

    rows: dict[str, int] = Field(description="Rows read, left out by reason, to train on and to hold out.")
    cut: dict[str, int] = Field(description="Rows of which something is cut, by what.")
    forms: dict[str, int] = Field(description="Rows of each form that was found.")
    languages: dict[str, int] = Field(description="Rows to train on, by language.")
    tokens: dict[str, dict[str, int]] = Field(description="How many texts have up to so many tokens.")
    shown: list[tuple[str, str, str]] = Field(description="Prompt, chosen, rejected; words are masked.")
    parameters: dict[str, int] = Field(description="Weights to train, and all.")
    steps_per_epoch: int = Field(description="Optimizer steps in one pass.")
    steps: int = Field(description="Optimizer steps in all, unless it stops earlier.")
    trainings: int = Field(description="How many seeds are trained, one after the other.")
    measured_every: int = Field(description="Steps between measurements.")
    memory: Memory

    def tables(self) -> list[Table]:
        """Rows, lengths, some rows, and the run."""
        counted: list[list[Cell]] = [[name, count] for name, count in (self.rows | self.cut).items()]
        counted += [[f"form: {name}", count] for name, count in self.forms.items()]
        counted += [[f"language: {name}", count] for name, count in self.languages.items()]
        bins = list(next(iter(self.tokens.values())))
        lengths: list[list[Cell]] = [[part, *found.values()] for part, found in self.tokens.items()]
        memory = self.memory
        run: list[list[Cell]] = [
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
        return [
            Table(title="rows", columns=["rows", "count"], rows=counted),
            Table(title="texts by tokens, up to", columns=["text", *bins], rows=lengths),
            Table(title="some rows, masked", columns=["prompt", "chosen", "rejected"], rows=self.shown),
            Table(title="plan", columns=["what", "count"], rows=run),
        ]

    def headline(self) -> str:
        """The number of steps."""
        return str(self.steps)


def plan(settings: DpoSettings, progress: Progress) -> DpoPlan:
    """Read the rows, the tokenizer and the configuration; raises what the run would raise about them."""
    check(settings)
    join_processes(settings.device)
    data = read_data(settings, progress)
    source = find_model(settings.model, settings.revision)
    config = read_config(source, settings.trust_remote_code)
    tokenizer = load_tokenizer(source, settings.trust_remote_code)
    sides = encode_sides(settings, data, tokenizer, limit_of(settings, config))
    passes = recipe_of(settings, len(sides.mixture))[1]
    rows, cut = counts_of(data, sides)
    parameters = count_parameters(AutoModelForCausalLM, config)
    trained = _adapter_size(settings, config) if settings.adapted else parameters
    return DpoPlan(
        rows=rows,
        cut=cut,
        forms=data.forms,
        languages={lang: sum(one.lang == lang for one in data.training) for lang in data.languages},
        tokens={name: histogram(ids) for name, ids in _parts(sides.training)},
        shown=[masked_row(one) for one in data.training[:ROWS_SHOWN]],
        parameters={"trained": trained, "all": parameters + (trained if settings.adapted else 0)},
        steps_per_epoch=passes.per_epoch,
        steps=passes.total,
        trainings=max(1, len(settings.seeds)),
        measured_every=passes.measured_every,
        memory=_memory(settings, config, sides, parameters, trained),
    )


def histogram(texts: Sequence[Sequence[int]]) -> dict[str, int]:
    """How many texts fall into each bin of lengths; the last one has what is longer."""
    borders = (0, *BINS)
    found = {
        str(high): sum(low < len(ids) <= high for ids in texts)
        for low, high in zip(borders, BINS, strict=False)
    }
    return found | {"more": sum(len(ids) > BINS[-1] for ids in texts)}


def masked_row(row: Preference) -> tuple[str, str, str]:
    """Its three texts without their words: first letters, and how long each word is."""
    prompt, chosen, rejected = map(masked, (row.prompt, row.chosen, row.rejected))
    return prompt, chosen, rejected


def masked(text: Any) -> str:
    """The first words of a text, of each only the first letter."""
    words = plain(text).split()
    shown = [re.sub(r"(?<=\w)\w", "*", word) for word in words[:WORDS_SHOWN]]
    return " ".join(shown) + (f" … ({len(words)} words)" if len(words) > WORDS_SHOWN else "")


def _parts(rows: Encoded) -> list[tuple[str, list[list[int]]]]:
    return [("prompt", rows.prompts), ("chosen", rows.chosen), ("rejected", rows.rejected)]


def _adapter_size(settings: DpoSettings, config: Any) -> int:
    """Weights of the adapter on a model that is not loaded."""
    import torch

    from detox_cli.services.train_dpo.adapters import adapter_config, targets_of

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    adapter_config(settings, model)
    names = targets_of(model, settings.target)
    shapes = [tuple(model.get_submodule(name).weight.shape) for name in names]
    return sum(lora_shape(settings).rank * sum(shape) for shape in shapes)


def _memory(settings: DpoSettings, config: Any, sides: Sides, parameters: int, trained: int) -> Memory:
    held = BYTES[settings.dtype]
    frozen = parameters if settings.adapted else 0
    weights = training_bytes(trained, settings.optimizer) + round(frozen * (0.5 if settings.qlora else held))
    second = settings.ref_model is not None or (
        not settings.adapted and (not settings.precompute_ref or settings.prompts is not None)
    )
    text = config.get_text_config()
    longest = max(sides.training.lengths)
    per_unit = CHECKPOINTED_BYTES if settings.gradient_checkpointing else ACTIVATION_BYTES
    wide = 2 if held == 4 and settings.precision == "float32" else 1
    activations = (
        2 * settings.batch_size * longest * text.num_hidden_layers * text.hidden_size * per_unit * wide
    )
    return Memory(weights=weights, reference=parameters * held if second else 0, activations=activations)
