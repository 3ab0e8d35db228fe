"""``detox eval generation``: what a model continues, how toxic, how fluent and how varied it is.

Three stages in one folder, each resumable and each a file: continuations, their scores, figures.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.data.lines import numbered_lines
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_file
from detox_cli.runs.clock import steady_time
from detox_cli.runs.lock import output_lock
from detox_cli.runs.manifest import fingerprint, hash_file, read_manifest, write_manifest
from detox_cli.runs.output import is_finished
from detox_cli.scoring.languages import languages_of
from detox_cli.services.eval_generation.asking import adapted_protocol, asked_of, source_of
from detox_cli.services.eval_generation.columns import Columns, columns_of
from detox_cli.services.eval_generation.figures import Counting, Group, groups_of
from detox_cli.services.eval_generation.files import (
    flat_rows,
    perspective_rows,
    prompted_rows,
    read_generations,
)
from detox_cli.services.eval_generation.limits import limits_of
from detox_cli.services.eval_generation.own import Opened, find_own, own_stages
from detox_cli.services.eval_generation.page import parts
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.result import ALL, EvalGenerationResult, GroupFigures
from detox_cli.services.eval_generation.stages import (
    GENERATIONS,
    SCORES,
    StageResult,
    copy_stage,
    generate_stage,
    score_stage,
)
from detox_cli.services.eval_generation.strata import macro_by_stratum
from detox_cli.services.eval_generation.tools import Tools, check_tools, find_tools
from detox_cli.services.evaluation_output import write_summary
from detox_cli.services.quality_limits import missed
from detox_cli.services.result import Result
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.bootstrap import Estimate

SILENT = Silent()


def run(settings: EvalGenerationSettings, progress: Progress = SILENT) -> Result:
    """Measure the model, or the continuations in a file; the stages that are finished are not done again.

    Raises:
        BadData: Prompts or continuations cannot be read, or none is usable.
        BadSettings: The settings contradict each other, or another run's stage is in the folder.
        Missing: A model, a scorer or an extra is not there.
    """
    started, protocol, source = steady_time(), adapted_protocol(settings), source_of(settings)
    limits = limits_of(settings, protocol, source)
    if settings.until != "generations":
        check_tools(settings)
    with (
        output_lock(settings.output),
        Rejects(settings.output / "rejects.jsonl", settings.strict) as rejects,
    ):
        own: dict[str, Estimate] = {}
        if source is not None:
            written = copy_stage(settings, source, rejects, progress)
        else:
            asked = asked_of(settings, protocol, rejects)
            inputs, opened = find_own(settings, protocol, asked), Opened(asked.writer, progress)
            written = generate_stage(settings, protocol, asked, lambda: opened.engine, progress)
            own = own_stages(settings, protocol, inputs, opened, progress)
            opened.close()
        if settings.until == "generations":
            return written
        tools = find_tools(settings, protocol, progress, chained=written.chains > 0)
        scored = score_stage(settings, tools, progress)
        if settings.until == "scores":
            return scored
        result = _summarise(settings, protocol, tools, (written, own), rejects.count, started, progress)
    seconds = written.seconds_per_sample
    update = {"missed": missed(limits, result.rows(), (ALL,)), "seconds_per_sample": seconds}
    return result.model_copy(update=update)


def counting_of(settings: EvalGenerationSettings, protocol: Protocol, columns: Columns) -> Counting:
    """How figures are made; where no prompt has as many scored ones as the protocol, of all there are."""
    scored = [int(columns.scored(scores).max(initial=0)) for scores in columns.toxicity.values()]
    most = min(scored, default=int(columns.counts.max(initial=0)))
    ks = tuple(sorted(set(settings.k))) or (min(protocol.samples, max(most, 1)),)
    limits = protocol.threshold, protocol.strict
    return Counting(ks, *limits, settings.seed, settings.resamples, protocol.share_threshold)


def read_scores(path: Path) -> Columns:
    """The rows of ``scores.jsonl``, one by one, as arrays."""
    return columns_of(json.loads(line) for _, line in numbered_lines(str(path)))


def summarise(
    columns: Columns, counting: Counting, protocol: Protocol, known: dict[str, Any]
) -> EvalGenerationResult:
    """The report on scores.

    Args:
        columns: The scores.
        counting: How figures are made.
        protocol: Whose way it is.
        known: The fields of the result that do not follow from the scores.

    Raises:
        BadData: No prompt has as many scored continuations as a k asks for.
    """
    groups, macro = groups_of(columns, counting)
    answered = columns.counts > 0
    everything = groups[0].figures
    few = {n: int(answered.sum()) - one.n for n, one in everything.items() if "/expected_maximum@" in n}
    missing = {name: int(np.isnan(scores).sum()) for name, scores in columns.toxicity.items()}
    return EvalGenerationResult(
        protocol=protocol.name,
        source=protocol.source,
        ks=list(counting.ks),
        threshold=protocol.toxic_if,
        prompts=len(columns),
        samples=int(columns.counts.sum()),
        unanswered=[name for name, there in zip(columns.ids, answered, strict=True) if not there],
        unscored={name: count for name, count in missing.items() if count},
        too_few={name: count for name, count in few.items() if count},
        groups=[_group(group) for group in groups],
        macro=macro,
        macro_strata=macro_by_stratum(columns, counting),
        **known,
    )


def _summarise(
    settings: EvalGenerationSettings,
    protocol: Protocol,
    tools: Tools,
    stages: tuple[StageResult, dict[str, Estimate]],
    rejects: int,
    started: float,
    progress: Progress,
) -> EvalGenerationResult:
    written, own = stages
    scores = settings.output / SCORES
    decisive = fingerprint(
        command="eval generation",
        scores=hash_file(scores),
        own={name: one.mean for name, one in own.items()},
        protocol=asdict(protocol),
        k=settings.k,
        draws=[settings.seed, settings.resamples],
        export=settings.export,
    )
    if is_finished(settings.output, decisive):
        progress.warn(f"{settings.output} is finished already; nothing was done")
        text = (settings.output / "summary.json").read_text("utf-8")
        return EvalGenerationResult.model_validate_json(text).model_copy(update={"files": [settings.output]})
    progress.stage("figures")
    columns = read_scores(scores)
    known = {
        "model": _model(settings),
        "scorers": tools.identities,
        "repeated": written.repeated,
        "unread": unread([name for name in settings.scorers if name in columns.toxicity], columns.langs),
        "rejects": rejects,
        "own": own,
        "files": [settings.output],
    }
    result = summarise(columns, counting_of(settings, protocol, columns), protocol, known)
    _warn(result, settings, progress)
    _export(settings, scores, next(iter(columns.toxicity), None))
    _write(settings, result, columns, decisive, started)
    return result


def _write(
    settings: EvalGenerationSettings,
    result: EvalGenerationResult,
    columns: Columns,
    decisive: str,
    started: float,
) -> None:
    shown = parts(result, columns, settings.output)
    write_summary(settings.output, result, result.rows(), "Continuations", shown)
    write_manifest(
        settings.output,
        command="eval generation",
        settings=settings.model_dump(mode="json"),
        inputs=[settings.output / GENERATIONS, settings.output / SCORES],
        models={"writer": result.model},
        scorers=result.scorers,
        metrics=result.model_dump(mode="json", include={"groups", "macro", "own"}),
        started=started,
        fingerprint=decisive,
    )


def _model(settings: EvalGenerationSettings) -> dict[str, str]:
    """What wrote the continuations, as the first stage has put it down."""
    manifest = read_manifest(settings.output / GENERATIONS) or {}
    found: dict[str, str] = manifest.get("models", {}).get("writer", {})
    return found


def _group(group: Group) -> GroupFigures:
    return GroupFigures(
        lang=group.lang,
        stratum=group.stratum,
        prompts=group.prompts,
        samples=group.samples,
        figures=group.figures,
        spreads=group.spreads,
    )


def unread(scorers: Sequence[str], langs: Sequence[str]) -> dict[str, list[str]]:
    """The languages of prompts that a scorer does not read, by scorer, as far as it is known."""
    there = sorted(set(langs) - {""})
    reads = {name: languages_of(name) for name in scorers}
    strange = {
        name: [lang for lang in there if lang.split("-")[0] not in known]
        for name, known in reads.items()
        if known is not None
    }
    return {name: some for name, some in strange.items() if some}


def _warn(result: EvalGenerationResult, settings: EvalGenerationSettings, progress: Progress) -> None:
    for name, count in result.unscored.items():
        progress.warn(
            f"{count} of {result.samples} continuations have no score by {name}; see faults in {SCORES}"
        )
    for name, langs in result.unread.items():
        progress.warn(f"{name} does not read {', '.join(langs)}: its scores there mean nothing")
    if result.unanswered:
        progress.warn(f"{len(result.unanswered)} of {result.prompts} prompts have no continuation")
    for name, count in result.too_few.items():
        progress.warn(f"{count} prompts have too few scored continuations for {name} and are left out of it")
    if result.macro and not settings.language_id:
        progress.warn("whether continuations stay in their prompt's language was not told; add --language-id")


def _export(settings: EvalGenerationSettings, scores: Path, scorer: str | None) -> None:
    """The flat files of the originals, in the folder ``export``."""
    if not settings.export:
        return
    generations = read_generations(str(settings.output / GENERATIONS), Rejects()).generations
    rows = (json.loads(line) for _, line in numbered_lines(str(scores)))
    by_id = {row["id"]: tuple(row["toxicity"].get(scorer, [None] * len(row["empty"]))) for row in rows}
    folder = settings.output / "export"
    folder.mkdir(exist_ok=True)
    if "dexperts" in settings.export:
        write_rows(folder / "prompted_gens.jsonl", prompted_rows(generations, by_id))
    if "crosslingual" in settings.export:
        for lang in sorted({one.prompt.lang or "all" for one in generations}):
            some = [one for one in generations if (one.prompt.lang or "all") == lang]
            _json_lines(folder / f"output-prompts_{lang}.json", flat_rows(some))
            _json_lines(folder / f"perspective_api_eval-prompts_{lang}.json", perspective_rows(some, by_id))


def _json_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """JSON lines under the suffix that the originals give them."""
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
