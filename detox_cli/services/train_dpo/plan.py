"""What ``detox train dpo`` would do: rows, lengths, steps and memory, before any weight is loaded."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from transformers import AutoModelForCausalLM

from detox_cli.data.preferences.preference import Preference, plain
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.result import Cell, Table
from detox_cli.services.train_dpo.adapters import lora_shape
from detox_cli.services.train_dpo.building import Sides, recipe_of
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.encode import Encoded
from detox_cli.services.train_dpo.run import check
from detox_cli.services.train_dpo.single import counts_of, encode_sides, limit_of
from detox_cli.services.training.memory import count_parameters
from detox_cli.services.training.processes import join_processes
from detox_cli.services.training.tuning_plan import (
    ROWS_SHOWN,
    Memory,
    TuningPlan,
    histogram,
    masked,
    memory_of,
    weights_of,
)
from detox_cli.settings.train_dpo import DpoSettings


class DpoPlan(TuningPlan):
    """The size of a training run."""

    cut: dict[str, int] = Field(description="Rows of which something is cut, by what.")
    forms: dict[str, int] = Field(description="Rows of each form that was found.")
    languages: dict[str, int] = Field(description="Rows to train on, by language.")
    shown: list[tuple[str, str, str]] = Field(description="Prompt, chosen, rejected; words are masked.")

    def tables(self) -> list[Table]:
        """Rows, lengths, some rows, and the run."""
        counted: list[list[Cell]] = [[name, count] for name, count in (self.rows | self.cut).items()]
        counted += [[f"form: {name}", count] for name, count in self.forms.items()]
        counted += [[f"language: {name}", count] for name, count in self.languages.items()]
        return [
            Table(title="rows", columns=["rows", "count"], rows=counted),
            self.lengths("text"),
            Table(title="some rows, masked", columns=["prompt", "chosen", "rejected"], rows=self.shown),
            self.run(),
        ]


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
    weights = weights_of(trained, parameters, adapted=settings.adapted)
    return DpoPlan(
        rows=rows,
        cut=cut,
        forms=data.forms,
        languages={lang: sum(one.lang == lang for one in data.training) for lang in data.languages},
        tokens={name: histogram(ids) for name, ids in _parts(sides.training)},
        shown=[masked_row(one) for one in data.training[:ROWS_SHOWN]],
        parameters=weights,
        steps_per_epoch=passes.per_epoch,
        steps=passes.total,
        trainings=max(1, len(settings.seeds)),
        measured_every=passes.measured_every,
        memory=_memory(settings, config, sides, weights),
    )


def masked_row(row: Preference) -> tuple[str, str, str]:
    """Its three texts without their words: first letters, and how long each word is."""
    prompt, chosen, rejected = (masked(plain(text)) for text in (row.prompt, row.chosen, row.rejected))
    return prompt, chosen, rejected


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


def _memory(settings: DpoSettings, config: Any, sides: Sides, weights: Mapping[str, int]) -> Memory:
    second = settings.ref_model is not None or (
        not settings.adapted and (not settings.precompute_ref or settings.prompts is not None)
    )
    return memory_of(
        settings,
        config,
        weights,
        rows=2 * settings.batch_size,
        longest=max(sides.training.lengths),
        second=second,
    )
