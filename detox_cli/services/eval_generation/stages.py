"""The stages of ``detox eval generation``, each a file that is written once and can be gone on with."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from detox_cli.data.readers.read import chosen_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.requests import Engine
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint, hash_file
from detox_cli.runs.output import is_finished
from detox_cli.scoring.load import check_ready
from detox_cli.services.eval_generation.asking import Asked, prompts_of
from detox_cli.services.eval_generation.collect import collect
from detox_cli.services.eval_generation.files import Continued, read_generations, with_prompts
from detox_cli.services.eval_generation.generations import Generation, Row, generation_row
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.score import score_blocks
from detox_cli.services.eval_generation.tools import Tools
from detox_cli.services.result import Result
from detox_cli.services.row_output import Origin, write_once
from detox_cli.settings.eval_generation import EvalGenerationSettings

R = TypeVar("R", bound=Result)
GENERATIONS, SCORES = "generations.jsonl", "scores.jsonl"
CHOOSING = ("prompts", "where", "languages", "limit", "num_samples")
"""Settings that take a part of the continuations that are there."""


class StageResult(Result):
    """What a stage has counted."""

    prompts: int = Field(description="Prompts.")
    samples: int = Field(description="Continuations.")
    chains: int = Field(default=0, description="Continuations that end a chain, or should.")
    repeated: int = Field(default=0, description="Prompts that stood in a flat file more than once.")
    seconds_per_sample: float | None = Field(
        default=None,
        description="Time of writing, loading left out; null for a run that went on from an earlier one.",
    )


def generate_stage(
    settings: EvalGenerationSettings,
    protocol: Protocol,
    asked: Asked,
    load: Callable[[], Engine],
    progress: Progress,
) -> StageResult:
    """Write ``generations.jsonl``; the engine is loaded if there is something to write."""

    def compute(journal: Journal | None) -> tuple[StageResult, list[dict[str, Any]]]:
        if settings.until != "generations":
            check_ready(settings.scorers)
        engine, resumed = load(), bool(journal)
        answerable = [prompt for prompt in asked.prompts if prompt.id not in asked.faults]
        began = time.monotonic()
        found, _ = collect(engine, answerable, asked.requests, asked.sampling, journal, progress, asked.form)
        seconds = time.monotonic() - began
        by_id = {one.prompt.id: one for one in found}
        everything = [
            by_id.get(prompt.id) or Generation(prompt, (), fault=asked.faults[prompt.id])
            for prompt in asked.prompts
        ]
        counted = _counted(settings, everything)
        each = None if resumed else seconds / counted.samples
        return counted.model_copy(update={"seconds_per_sample": each}), [
            generation_row(one) for one in everything
        ]

    origin = Origin(
        "eval generation",
        settings,
        [settings.prompts],
        {"writer": asked.writer.identity},
        asked.fingerprint,
    )
    return stage(settings, GENERATIONS, origin, StageResult, compute, progress)


def copy_stage(
    settings: EvalGenerationSettings, source: str, rejects: Rejects, progress: Progress
) -> StageResult:
    """Write ``generations.jsonl`` from a file of continuations, joined with prompts if these are named."""
    target = settings.output / GENERATIONS
    if target.exists() and Path(source).exists() and target.samefile(source):
        if given := [name for name in CHOOSING if getattr(settings, name)]:
            flags = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            message = "the continuations in the output folder are taken as they are"
            raise BadSettings(message, where=flags, hint="leave it out, or choose another output")
        found = read_generations(source, rejects)
        return _counted(settings, found.generations)
    found = read_generations(source, rejects)
    if settings.prompts is not None:
        found = with_prompts(found, prompts_of(settings, rejects), rejects)
    found = _chosen(found, source, settings)
    _tell(found, progress)
    rows = [generation_row(one) for one in found.generations]

    def compute(journal: Journal | None) -> tuple[StageResult, list[dict[str, Any]]]:
        return _counted(settings, found.generations, found.repeated), rows

    inputs = [source, settings.prompts]
    origin = Origin(
        "eval generation", settings, inputs, {}, fingerprint(command="eval generation", continuations=rows)
    )
    return stage(settings, GENERATIONS, origin, StageResult, compute, progress)


def score_stage(settings: EvalGenerationSettings, tools: Tools, progress: Progress) -> StageResult:
    """Write ``scores.jsonl``, a row per prompt."""
    source = settings.output / GENERATIONS
    decisive = fingerprint(command="eval generation", generations=hash_file(source), tools=tools.decisive)

    def compute(journal: Journal | None) -> tuple[StageResult, list[Row]]:
        generations = read_generations(str(source), Rejects(strict=True)).generations
        if settings.given_scores == "no":
            generations = [replace(one, given={}) for one in generations]
        rows = _scored(generations, tools, journal, progress)
        return _counted(settings, generations), [rows[one.prompt.id] for one in generations]

    origin = Origin("eval generation", settings, [str(source)], tools.models, decisive, tools.identities)
    return stage(settings, SCORES, origin, StageResult, compute, progress)


def _scored(
    generations: Sequence[Generation], tools: Tools, journal: Journal | None, progress: Progress
) -> dict[str, Row]:
    rows = {record["id"]: record for record in (journal.records() if journal is not None else ())}
    total = sum(len(one.samples) for one in generations)
    done = sum(len(row["empty"]) for row in rows.values())
    with progress.task("scoring", total, done) as task:
        for block in _blocks_scored(generations, tools, rows.__contains__, progress):
            for row in block:
                if row["id"] not in rows:
                    rows[row["id"]] = row
                    task.advance(len(row["empty"]))
                    if journal is not None:
                        journal.append(row)
    return rows


def _blocks_scored(
    generations: Sequence[Generation], tools: Tools, done: Callable[[str], bool], progress: Progress
) -> Iterator[list[Row]]:
    if tools.settings.engine == "ray":
        from detox_cli.services.eval_generation.scoring_there import score_there

        return score_there(generations, tools, done, progress)
    return score_blocks(generations, tools.load(progress), done)


def stage(
    settings: EvalGenerationSettings,
    name: str,
    origin: Origin,
    kind: type[R],
    compute: Callable[[Journal | None], tuple[R, Iterable[Mapping[str, Any]]]],
    progress: Progress,
) -> R:
    """Write a stage's file once. ``--overwrite`` replaces what another run left, not what this one did."""
    path = settings.output / name
    overwrite = settings.overwrite and not is_finished(path, origin.fingerprint)
    if is_finished(path, origin.fingerprint):
        progress.detail(f"{path} is finished already")
    return write_once(str(path), origin, kind, compute, progress, overwrite=overwrite)


def _counted(settings: EvalGenerationSettings, found: Sequence[Generation], repeated: int = 0) -> StageResult:
    samples = sum(len(one.samples) for one in found)
    if not samples:
        raise BadData(
            "no prompt has a continuation", where=str(settings.output), hint="see its rejects.jsonl"
        )
    return StageResult(
        files=[settings.output],
        prompts=len(found),
        samples=samples,
        chains=sum(len(one.chains) for one in found),
        repeated=repeated,
    )


def _chosen(found: Continued, source: str, settings: EvalGenerationSettings) -> Continued:
    """Of the continuations those that ``--languages``, ``--limit`` and ``--num-samples`` leave."""
    prompts = [one.prompt for one in found.generations]
    chosen = chosen_prompts(prompts, source, settings.languages, settings.limit)
    ids = {prompt.id for prompt in chosen}
    kept = [one for one in found.generations if one.prompt.id in ids]
    count = settings.num_samples
    if count is not None:
        kept = [_first(one, count) for one in kept]
    return replace(found, generations=kept)


def _first(one: Generation, count: int) -> Generation:
    given = {name: scores[:count] for name, scores in one.given.items()}
    kept = {name: getattr(one, name)[:count] for name in ("samples", "tokens", "chains")}
    return replace(one, given=given, **kept)


def _tell(found: Continued, progress: Progress) -> None:
    if found.repeated:
        progress.warn(
            f"{found.repeated} prompts stand in the file more than once; each counts as often as it does"
        )
    if found.missing:
        first = ", ".join(found.missing[:3])
        progress.warn(f"{len(found.missing)} prompts have no continuation, such as {first}; they are counted")
