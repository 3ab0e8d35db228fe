"""``detox synth chain``: the data of self-detoxification, from prompts to chains, in one folder.

The road of CMD (Tang et al., EMNLP 2024): find toxic spans, mask them, fill the masks, let the model
continue, score, and build the chain. Each stage reads the file of the one before and writes its own, and can
be done alone; records keep their ids through all of them, and what is dropped stays in the files with its
reason.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detox_cli.data.chains.record import ChainRecord
from detox_cli.data.lines import missing_file
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.card import write_card
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint, hash_file
from detox_cli.runs.output import is_finished, refuse_model
from detox_cli.services.row_output import Origin, write_once
from detox_cli.services.synth_chain import building, continuing, fill, mask, scoring, spans
from detox_cli.services.synth_chain.card import chain_card
from detox_cli.services.synth_chain.result import SynthChainResult
from detox_cli.services.synth_chain.stage import (
    FILES,
    STAGES,
    Made,
    Prepared,
    Records,
    StageReport,
    report_of,
)
from detox_cli.services.synth_chain.upstream import read_before
from detox_cli.settings.synth_chain import SynthChainSettings

SILENT = Silent()
DROPPED = "dropped.jsonl"
"""The records that have become no chain, beside the chains."""
FEW = 0.5
"""Share of a stage's prompts from which on it warns that they were dropped."""


def run(settings: SynthChainSettings, progress: Progress = SILENT) -> SynthChainResult:
    """Do the stages from ``from_stage`` to ``to_stage``; those that are finished are not done again.

    Raises:
        BadData: Nothing can be read, or nothing is left of it.
        BadSettings: Options contradict each other, or another run's file is in the folder.
        Missing: A model or a scorer cannot be had.
    """
    began, wanted = time.monotonic(), stages_of(settings)
    with Rejects(settings.output / "rejects.jsonl", settings.strict) as rejects:
        prepared = prepare(settings, wanted, rejects)
        before = before_stage(settings, wanted[0], rejects)
        reports = []
        for stage in wanted:
            reports.append(do_stage(settings, stage, prepared[stage], before, progress))
            _warn(reports[-1], progress)
            before = settings.output / FILES[stage]
        if wanted[-1] == STAGES[-1]:
            write_card(settings.output, chain_card(settings))
        if settings.from_stage != STAGES[0] and settings.data is None:
            rejects.restore()  # nothing was read from outside, so its list is that of the first stage still
        return SynthChainResult(
            files=[settings.output],
            model=settings.model,
            mode=settings.mode,
            stages=reports,
            rejects=rejects.count,
            seconds=round(time.monotonic() - began, 2),
        )


def stages_of(settings: SynthChainSettings) -> list[str]:
    """The stages to do, in order.

    Raises:
        BadSettings: The last is before the first, options have no meaning for these stages, or the output is
            a model's folder.
    """
    refuse_model(settings.output)
    first, last = STAGES.index(settings.from_stage), STAGES.index(settings.to_stage)
    if last < first:
        message = f"--from {settings.from_stage} comes after --to {settings.to_stage}"
        raise BadSettings(message, hint=f"the stages are {', '.join(STAGES)}")
    if settings.data is not None and first == 0:
        hint = "name the prompts with --prompts, or the stage that --data is for with --from"
        raise BadSettings("the first stage reads prompts", where="--data", hint=hint)
    if settings.prompts is not None and first > 0:
        message = f"stage {settings.from_stage} reads what the one before has made, not prompts"
        raise BadSettings(message, where="--prompts", hint="leave out --from, or name a file with --data")
    return list(STAGES[first : last + 1])


def prepare(settings: SynthChainSettings, wanted: Sequence[str], rejects: Rejects) -> dict[str, Prepared]:
    """Everything that the stages need, found before anything is loaded."""
    makers = {
        "spans": lambda: spans.prepare(settings, rejects),
        "mask": lambda: mask.prepare(settings),
        "fill": lambda: fill.prepare(settings),
        "continue": lambda: continuing.prepare(settings),
        "score": lambda: scoring.prepare(settings),
        "build": lambda: building.prepare(settings),
    }
    return {stage: makers[stage]() for stage in wanted}


def do_stage(
    settings: SynthChainSettings, stage: str, prepared: Prepared, before: Path | Records, progress: Progress
) -> StageReport:
    """Write a stage's file, once.

    Args:
        settings: Of the run.
        stage: Its name.
        prepared: What it needs.
        before: What comes to it: the file of the stage before, or records that were read elsewhere.
        progress: Told what it does.
    """
    path = settings.output / FILES[stage]
    came = hash_file(before) if isinstance(before, Path) else [record.row() for record in before]
    decisive = fingerprint(command="synth chain", stage=stage, came=came, **prepared.decisive)

    def compute(journal: Journal | None) -> tuple[StageReport, list[dict[str, Any]]]:
        progress.stage(f"stage {stage}")
        records = records_of(before, settings)
        made = prepared.compute(records, journal, progress)
        report = report_of(stage, records, made, settings.seed, settings.output)
        return report, _rows(settings, stage, decisive, made)

    origin = Origin(
        command=f"synth chain ({stage})",
        settings=settings,
        inputs=[*prepared.inputs, *([str(before)] if isinstance(before, Path) else [settings.data])],
        models=prepared.models,
        fingerprint=decisive,
        scorers=prepared.scorers,
    )
    finished = is_finished(path, decisive)
    if finished:
        progress.detail(f"{path} is finished already")
    overwrite = settings.overwrite and not finished
    return write_once(str(path), origin, StageReport, compute, progress, overwrite=overwrite)


def before_stage(settings: SynthChainSettings, first: str, rejects: Rejects) -> Path | Records:
    """What comes to the first stage.

    Raises:
        BadData: The stage before has left nothing, and nothing else is named.
    """
    if first == STAGES[0]:
        return []
    if settings.data is not None:
        return read_before(settings.data, first, rejects, settings.tox_threshold, settings.mode)
    path = settings.output / FILES[STAGES[STAGES.index(first) - 1]]
    if not path.exists():
        missing = missing_file(path)
        missing.hint = f"do the stages before {first} first, or name a file with --data"
        raise missing
    return path


def records_of(before: Path | Records, settings: SynthChainSettings) -> Records:
    """What comes to a stage; the file of a stage is ours, and none of its records is bad."""
    if not isinstance(before, Path):
        return before
    done = next(name for name, file in FILES.items() if file == before.name)
    following = STAGES[STAGES.index(done) + 1]
    return read_before(str(before), following, Rejects(strict=True), settings.tox_threshold)


def _rows(settings: SynthChainSettings, stage: str, decisive: str, made: Made) -> list[dict[str, Any]]:
    """The rows of a stage's file, which carry what was dropped; the last one's are the chains alone."""
    marked = [_marked(record, stage, decisive) for record in made.records]
    if stage != STAGES[-1]:
        return [record.row() for record in marked]
    write_rows(settings.output / DROPPED, [one.row() for one in marked if one.dropped is not None])
    return [record.row() for record in marked if record.dropped is None]


def _marked(record: ChainRecord, stage: str, decisive: str) -> ChainRecord:
    """The record with what made it: the fingerprint of the stage, whose manifest says the rest."""
    return record.model_copy(update={"prov": {**record.prov, stage: decisive}})


def _warn(report: StageReport, progress: Progress) -> None:
    lost = sum(report.dropped.values())
    if report.prompts and lost >= FEW * report.prompts:
        reason, count = next(iter(report.dropped.items()))
        progress.warn(
            f"stage {report.stage} drops {lost} of {report.prompts} prompts; {count} times: {reason}"
        )
