"""``detox synth pairs``: an LLM writes a neutral version of every toxic sentence.

The road of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024), with its defects removed: the rows
written are the rows read, each unique source is prompted once, every row has its own seed, refusals are told
from rewrites that begin like one and asked again, the best of several answers is chosen, what is dropped is
kept with the reason, and a killed run goes on where it was.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target, write_rows
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.licence import licence_remark
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.scoring.suites.panel import Panel
from detox_cli.services.counted_scores import counted_scores
from detox_cli.services.row_output import Origin, rejects_path, write_once
from detox_cli.services.synth_pairs.asking import ask
from detox_cli.services.synth_pairs.candidates import Candidate, Written, best_of
from detox_cli.services.synth_pairs.export import PAPER_COLUMNS, paper_rows, preference_rows
from detox_cli.services.synth_pairs.filters import filtered, filters_on
from detox_cli.services.synth_pairs.result import SynthPairsResult, summary
from detox_cli.services.synth_pairs.rows import left_out_row, pair_row, provenance
from detox_cli.services.synth_pairs.scores import load_judge, load_scorers, scored, scoring_wanted
from detox_cli.services.synth_pairs.sources import source_key
from detox_cli.services.synth_pairs.work import Work, prepare
from detox_cli.settings.synth import SynthPairsSettings

SILENT = Silent()
Rows = list[dict[str, Any]]


def run(settings: SynthPairsSettings, progress: Progress = SILENT) -> SynthPairsResult:
    """Write a neutral version of every sentence of ``settings.input`` to ``settings.output``.

    A file as output is resumable: beside it lie ``NAME.journal`` while the work runs, ``NAME.detox.json``
    (what made it) when it is done, ``NAME.dropped.jsonl`` if there are filters, and ``NAME.rejects.jsonl`` if
    rows could not be used. The other formats are made from the finished rows, so they can be asked for later.

    Raises:
        BadData: Nothing can be read or answered, or there are too few examples.
        BadSettings: Options contradict each other, or something else is at the output.
        Missing: The model or a scorer cannot be had.
    """
    check(settings)
    with Rejects(rejects_path(settings.rejects, settings.output), settings.strict) as rejects:
        work = prepare(settings, rejects, progress)
        origin = Origin(
            command="synth pairs",
            settings=settings,
            inputs=[settings.input, settings.shots, *settings.exclude],
            models={"writer": {**work.writer.identity, "licence": work.licence or "unknown"}},
            fingerprint=work.fingerprint,
        )
        computed: list[Rows] = []

        def compute(journal: Journal | None) -> tuple[SynthPairsResult, Rows]:
            if remark := licence_remark(work.licence):
                progress.warn(remark)
            result, rows = write_pairs(settings, work, rejects, journal, progress)
            computed.append(rows)
            return result, rows

        overwrite = settings.overwrite
        result = write_once(settings.output, origin, SynthPairsResult, compute, progress, overwrite=overwrite)
        if not computed:
            reject_faults(work, result.faults, rejects)
        return export(settings, result, computed[0] if computed else None)


def check(settings: SynthPairsSettings) -> None:
    """Refuse what cannot be, before anything is loaded."""
    for target in (settings.output, settings.dropped, settings.preferences, settings.paper_csv):
        if target is not None:
            check_target(target)
    if settings.temperature == 0 and settings.num_candidates > 1:
        raise BadSettings(
            "greedy answers are all the same", where="--num-candidates", hint="raise --temperature"
        )
    if settings.temperature == 0 and settings.retries and settings.retry_prompt in (None, settings.prompt):
        hint = "name another instruction with --retry-prompt, or raise --temperature"
        raise BadSettings("a greedy answer does not change when asked again", where="--retries", hint=hint)
    if settings.preferences is not None and settings.num_candidates == 1:
        raise BadSettings("needs answers to compare", where="--preferences", hint="add --num-candidates 4")


def write_pairs(
    settings: SynthPairsSettings, work: Work, rejects: Rejects, journal: Journal | None, progress: Progress
) -> tuple[SynthPairsResult, Rows]:
    """Ask the model, score, choose and filter; the rows that are kept, in the order of the input."""
    began = time.monotonic()
    panel = load_scorers(settings, progress) if scoring_wanted(settings) else None
    judge = load_judge(settings, progress)
    if panel is not None and settings.min_toxicity is not None:
        work = without_harmless(work, panel, settings.min_toxicity)
    engine = work.writer.load(progress)
    asked = ask(engine, work, settings, judge, journal, progress)
    written = _chosen(asked.candidates)
    if panel is not None:
        progress.stage(f"scoring the answers to {len(written)} sentences")
        written = counted_scores(panel, lambda panel: scored(asked.candidates, work.sources, panel), progress)
    written = {key: filtered(one, work.sources[key].text, settings) for key, one in written.items()}
    reject_faults(work, asked.faults, rejects)
    kept, dropped = _rows(settings, work, written)
    dropped_file = _keep_dropped(settings, dropped, progress)
    result = summary(settings, kept, dropped, written, panel.identities if panel is not None else {})
    counted = {
        "files": [*result.files, *dropped_file] if result.files else [],
        "faults": asked.faults,
        "rejects": rejects.count,
        "seconds": round(time.monotonic() - began, 2),
    }
    return result.model_copy(update=counted), kept


def without_harmless(work: Work, panel: Panel, least: float) -> Work:
    """The work without the sentences whose toxicity is below ``least``.

    Raises:
        BadData: None is left.
    """
    toxicity = 1 - panel.neutral([source.text for source in work.sources.values()])
    toxic = {key: s for (key, s), value in zip(work.sources.items(), toxicity, strict=True) if value >= least}
    if not toxic:
        raise BadData(
            f"none of {len(toxicity)} sentences is as toxic as that", where="--min-toxicity", hint="lower it"
        )
    kept = [pair for pair in work.pairs if source_key(pair) in toxic]
    out = [(pair, "not_toxic") for pair in work.pairs if source_key(pair) not in toxic]
    return replace(work, pairs=kept, left_out=[*work.left_out, *out], sources=toxic)


def reject_faults(work: Work, faults: Mapping[str, str], rejects: Rejects) -> None:
    """List the rows that could not be answered."""
    for pair in work.pairs:
        source = work.sources[source_key(pair)]
        if source.id in faults:
            rejects.add(pair.where, faults[source.id], dict(pair.values))


def export(
    settings: SynthPairsSettings, result: SynthPairsResult, rows: Sequence[Mapping[str, Any]] | None
) -> SynthPairsResult:
    """Write the other formats that are wanted; of a finished run from its file."""
    if settings.preferences is None and settings.paper_csv is None:
        return result
    if rows is None:
        rows = [row.values for row in read_rows(settings.output, Rejects())] if result.rows else []
    files, pairs = list(result.files), result.preferences
    if settings.preferences is not None:
        pairs = write_rows(settings.preferences, list(preference_rows(rows, settings.min_margin)))
        files.append(settings.preferences)
    if settings.paper_csv is not None:
        write_rows(settings.paper_csv, paper_rows(rows), PAPER_COLUMNS)
        files.append(settings.paper_csv)
    return result.model_copy(update={"files": list(dict.fromkeys(files)), "preferences": pairs})


def _chosen(found: Mapping[str, Sequence[Candidate]]) -> dict[str, Written]:
    return {key: Written(tuple(candidates), best_of(candidates)) for key, candidates in found.items()}


def _rows(settings: SynthPairsSettings, work: Work, written: Mapping[str, Written]) -> tuple[Rows, Rows]:
    """The rows that are kept, and those that are dropped."""
    kept: Rows = []
    dropped = [left_out_row(pair, reason) for pair, reason in work.left_out]
    for pair in work.pairs:
        key = source_key(pair)
        if key in written:
            one = written[key]
            origin = provenance(settings, work, work.sources[key], one.best)
            row = pair_row(pair, one, origin, several=settings.num_candidates > 1 or settings.retries > 0)
            if one.dropped:
                dropped.append({**row, "dropped": list(one.dropped)})
            else:
                kept.append(row)
    return kept, dropped


def _keep_dropped(settings: SynthPairsSettings, dropped: Rows, progress: Progress) -> list[Path]:
    """Write the dropped rows, if there can be any, and say where."""
    place = settings.dropped
    if place is None and settings.output != "-":
        place = Path(f"{settings.output}.dropped.jsonl")
    if filters_on(settings) and place is not None:
        write_rows(place, dropped)
        return [place]
    if dropped:
        progress.warn(f"{len(dropped)} dropped rows are kept nowhere; name a file with --dropped")
    return []
