"""What ``detox train cmd`` would do: chains, lengths, steps and memory, before any weight is loaded."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.result import Cell, Table
from detox_cli.services.train_cmd.adapters import with_adapter
from detox_cli.services.train_cmd.batches import ChainRow
from detox_cli.services.train_cmd.building import recipe_of
from detox_cli.services.train_cmd.data import Lesson, read_data
from detox_cli.services.train_cmd.run import check
from detox_cli.services.train_cmd.single import counts_of, encode_sides
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
from detox_cli.settings.train_cmd import CmdSettings


class CmdPlan(TuningPlan):
    """The size of a training run."""

    template: str = Field(description="The form of the chains.")
    shown: list[tuple[str, str]] = Field(description="Prompt and chain of some rows; words are masked.")

    def tables(self) -> list[Table]:
        """Chains, lengths, some rows, and the run."""
        counted: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        shown: list[list[Cell]] = [[prompt, chain] for prompt, chain in self.shown]
        return [
            Table(title="chains", columns=["chains", "count"], rows=counted, caption=self.template),
            self.lengths("part"),
            Table(title="some chains, masked", columns=["prompt", "chain"], rows=shown),
            self.run(),
        ]


def plan(settings: CmdSettings, progress: Progress) -> CmdPlan:
    """Read the chains, the tokenizer and the configuration; raises what the run would raise about them."""
    check(settings)
    join_processes(settings.device)
    data = read_data(settings, progress)
    source = find_model(settings.model, settings.revision)
    config = read_config(source, settings.trust_remote_code)
    tokenizer = load_tokenizer(source, settings.trust_remote_code)
    sides = encode_sides(settings, data, tokenizer, config)
    rows = sides[0].rows
    passes = recipe_of(settings, len(rows))[1]
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    parameters = count_parameters(auto, config)
    trained = adapter_size(settings, auto, config) if settings.adapted else parameters
    weights = weights_of(trained, parameters, adapted=settings.adapted)
    return CmdPlan(
        rows=counts_of(data, sides),
        template=data.template.id,
        tokens={name: histogram(texts) for name, texts in _parts(rows)},
        shown=[_shown(lesson) for lesson in data.training[:ROWS_SHOWN]],
        parameters=weights,
        steps_per_epoch=passes.per_epoch,
        steps=passes.total,
        trainings=max(1, len(settings.seeds)),
        measured_every=passes.measured_every,
        memory=_memory(settings, config, rows, weights),
    )


def adapter_size(settings: CmdSettings, auto: Any, config: Any) -> int:
    """Weights of the adapter on a model that is not loaded."""
    with torch.device("meta"):
        adapted = with_adapter(settings, auto.from_config(config), settings.model)
    return sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)


def _parts(rows: Sequence[ChainRow]) -> list[tuple[str, list[list[int]]]]:
    return [
        ("prompt", [row.source or row.positive.ids[: row.learnt] for row in rows]),
        ("chain", [row.positive.ids[row.learnt :] for row in rows]),
        ("answer", [row.positive.answer for row in rows]),
        ("toxic answer", [text.answer for row in rows for text in row.negatives]),
    ]


def _shown(lesson: Lesson) -> tuple[str, str]:
    return masked(lesson.chains[0].prompt), masked(lesson.chains[0].completion)


def _memory(
    settings: CmdSettings, config: Any, rows: Sequence[ChainRow], weights: Mapping[str, int]
) -> Memory:
    # Beside each chain its toxic answers are read, with their chains or alone.
    read = 1 + (min(settings.max_neg, _most(rows)) if settings.contrasted else 0)
    longest = max(row.length for row in rows)
    return memory_of(settings, config, weights, rows=read * settings.batch_size, longest=longest)


def _most(rows: Sequence[ChainRow]) -> int:
    return max((len(row.negatives) for row in rows), default=0)
