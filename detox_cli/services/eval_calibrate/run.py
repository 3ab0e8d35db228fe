"""``detox eval calibrate``: how far a scorer can be believed in each language, and a map for it.

AUROC and average precision say how well it separates what people call toxic, the expected calibration error
whether its scores are probabilities. The map is isotonic; what is reported of it is cross-fitted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detox_cli.data.named import named_file
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.calibration import ALL, FILE, Calibration, Evidence, toxic_scores
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.load import load_text_scorers
from detox_cli.scoring.protocol import TextScorer
from detox_cli.scoring.spoken import by_language
from detox_cli.services.eval_calibrate.coverage import coverage, standing
from detox_cli.services.eval_calibrate.evidence import Sample, fit, measure
from detox_cli.services.eval_calibrate.functions import function_scores
from detox_cli.services.eval_calibrate.labels import UNKNOWN, Labelled, Reading, read_labelled
from detox_cli.services.eval_calibrate.result import EvalCalibrateResult, LanguageEvidence, Standing
from detox_cli.services.evaluation_output import markdown
from detox_cli.settings.calibrate import EvalCalibrateSettings
from detox_cli.statistics.bootstrap import Floats

SILENT = Silent()
NOT_DECISIVE = {
    *("labels", "hatecheck", "output", "overwrite", "rejects", "strict", "cache", "limit", "password"),
    *("device", "batch_tokens", "checkpoint"),
}
"""Settings that do not change the outcome; of the files the rows count."""
Record = dict[str, object]


@dataclass(frozen=True)
class Work:
    """The labelled texts, the cases of HateCheck, and whatever decides the outcome."""

    labelled: list[Labelled]
    cases: list[Labelled]
    fingerprint: str


def run(settings: EvalCalibrateSettings, progress: Progress = SILENT) -> EvalCalibrateResult:
    """Measure the scorer of ``settings`` and fit its maps.

    Raises:
        BadData: A file or column cannot be used, or no language has labels of both kinds.
        BadSettings: The scorer's class means neither toxic nor neutral, or something else is at the output.
        Missing: The scorer's model is not there.
    """
    path = settings.rejects
    if path is None and settings.output is not None:
        path = settings.output.with_name(settings.output.name + ".rejects.jsonl")
    with Rejects(path, settings.strict) as rejects:
        work = prepare(settings, rejects)
        if settings.output is None:
            return calibrate(settings, work, rejects, progress)[0]
        return _kept(settings, settings.output, work, rejects, progress)


def prepare(settings: EvalCalibrateSettings, rejects: Rejects) -> Work:
    """Read the labels; the scorer is looked up, not loaded."""
    how = Reading(
        settings.text_column,
        settings.label_column,
        settings.lang,
        settings.toxic_from,
        settings.limit,
        settings.password,
        settings.soft,
    )
    labelled = [one for file in settings.labels for one in read_labelled(file, how, rejects)]
    hard = replace(how, soft=False)
    cases = [one for file in settings.hatecheck for one in read_labelled(file, hard, rejects, functions=True)]
    decisive = fingerprint(
        command="eval calibrate",
        rows=[
            (one.id, one.text, one.lang, one.toxic, one.value, one.function) for one in (*labelled, *cases)
        ],
        settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
        scorer=scorer_content(settings.scorer),
    )
    return Work(labelled, cases, decisive)


def calibrate(
    settings: EvalCalibrateSettings, work: Work, rejects: Rejects, progress: Progress
) -> tuple[EvalCalibrateResult, Calibration, list[Record]]:
    """The report, the maps, and one record per text."""
    progress.stage("loading the scorer")
    scorer = _load(settings)
    labelled, scores = _scored(settings, scorer, work.labelled, rejects, progress, "labelled texts")
    cases, case_scores = _scored(settings, scorer, work.cases, rejects, progress, "cases of HateCheck")
    progress.stage("fitting maps and drawing intervals")
    figures, standings, maps, held_out = _evidence(settings, labelled, scores)
    texts = [one.text for one in (*labelled, *cases)]
    result = EvalCalibrateResult(
        scorer=settings.scorer,
        identity=scorer.identity,
        languages=figures,
        coverage=coverage(settings.scorer, standings, settings.languages, progress),
        thresholds={lang: one.threshold for lang, one in maps.items()},
        hatecheck=function_scores(cases, case_scores, maps) if cases else [],
        unscored=len(work.labelled) + len(work.cases) - len(texts),
        rejects=rejects.count,
        cut=scorer.too_long(texts),
    )
    records = [_record(one, score, p) for one, score, p in zip(labelled, scores, held_out, strict=True)]
    records += [_record(one, score, None) for one, score in zip(cases, case_scores, strict=True)]
    return result, Calibration(settings.scorer, scorer.identity, maps), records


def _load(settings: EvalCalibrateSettings) -> TextScorer:
    (scorer,) = load_text_scorers(
        [settings.scorer],
        device=settings.device,
        batch_tokens=settings.batch_tokens,
        checkpoint=settings.checkpoint,
    ).values()
    toxic_scores(scorer, np.zeros(0))  # a class that says nothing is refused before its texts are scored
    return scorer


def _scored(
    settings: EvalCalibrateSettings,
    scorer: TextScorer,
    rows: Sequence[Labelled],
    rejects: Rejects,
    progress: Progress,
    label: str,
) -> tuple[list[Labelled], Floats]:
    """The rows that have a score, and the scores, higher for toxic texts."""
    if not rows:
        return [], np.zeros(0)
    cache = ScoreCache(on_warning=progress.warn) if settings.cache else None
    progress.stage(f"scoring {len(rows)} {label}")
    given = np.full(len(rows), np.nan)
    with progress.task("scores", len(rows)) as task:
        for spoken, places in by_language(
            scorer, [None if row.lang == UNKNOWN else row.lang for row in rows]
        ):
            texts = [rows[place].text for place in places]
            given[places] = score_with_cache(spoken, texts, cache, task.advance, keep_unscored=True)
    scores = toxic_scores(scorer, given)
    there = ~np.isnan(scores)
    for row, scored in zip(rows, there, strict=True):
        if not scored:
            rejects.add(row.where, "the scorer gives it no score", {"id": row.id, "lang": row.lang})
    return [row for row, scored in zip(rows, there, strict=True) if scored], scores[there]


def _evidence(
    settings: EvalCalibrateSettings, rows: Sequence[Labelled], scores: Floats
) -> tuple[list[LanguageEvidence], dict[str, Standing], dict[str, Evidence], Floats]:
    """Figures and standing by language, the maps, and P(toxic) of every row by a map that has not seen it."""
    toxic = np.array([row.toxic for row in rows], dtype=bool)
    values = np.array([row.value for row in rows], dtype=np.float64) if settings.soft else None
    whole = Sample([row.text for row in rows], scores, toxic, values, settings.toxic_from)
    if not whole.has_both():
        raise BadData("the labels are all of one kind", where="--labels", hint="give toxic texts and others")
    names = sorted({row.lang for row in rows})
    maps, figures, standings = {ALL: fit(whole)}, [], {}
    held_out = np.full(len(rows), np.nan)
    draws = (settings.seed, settings.resamples)
    for lang in names:
        places = [place for place, row in enumerate(rows) if row.lang == lang]
        sample = whole.take(places)
        one, held_out[places] = measure(lang, sample, *draws)
        by_file = [
            measure(lang, whole.take(own), *draws, source)[0]
            for source, own in _by_source(rows, places).items()
        ]
        figures += [one, *by_file]
        standings[lang] = standing(one, by_file, sample, settings.least)
        if standings[lang] == "map":
            maps[lang] = fit(sample)
    if len(names) > 1:
        figures.append(measure(ALL, whole, settings.seed, settings.resamples)[0])
    return figures, standings, maps, held_out


def _by_source(rows: Sequence[Labelled], places: Sequence[int]) -> dict[str, list[int]]:
    """Where the rows of each file are; nothing if there is only one file."""
    found: dict[str, list[int]] = {}
    for place in places:
        found.setdefault(rows[place].source, []).append(place)
    return found if len(found) > 1 else {}


def _record(row: Labelled, score: float, probability: float | None) -> Record:
    """A row without its text, which is not ours to pass on."""
    return {
        "id": row.id,
        "lang": row.lang,
        "text_sha256": hashlib.sha256(row.text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "toxic": row.toxic,
        **({"label": row.value} if row.value is not None else {}),
        "score": float(score),
        **({"probability": float(probability)} if probability is not None else {}),
        **({"function": row.function} if row.function is not None else {}),
    }


def _kept(
    settings: EvalCalibrateSettings, output: Path, work: Work, rejects: Rejects, progress: Progress
) -> EvalCalibrateResult:
    """The result in its folder: the one that is there already, or a new one."""
    started = steady_time()
    with claim_output(output, work.fingerprint, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            rejects.restore()
            progress.warn(f"{output} is finished already; nothing was done")
            kept = EvalCalibrateResult.model_validate_json((output / "summary.json").read_text("utf-8"))
            return kept.model_copy(update={"files": [output]})
        result, calibration, records = calibrate(settings, work, rejects, progress)
        ours = (read_manifest(output) or {}).get("fingerprint") == work.fingerprint
        with atomic_folder(output, overwrite=settings.overwrite or ours) as folder:
            (folder / FILE).write_text(calibration.to_json(), encoding="utf-8")
            write_rows(folder / "rows.jsonl", records)
            summary = result.model_dump_json(indent=2, exclude={"files"})
            (folder / "summary.json").write_text(summary + "\n", encoding="utf-8")
            (folder / "summary.md").write_text(markdown(result.tables()), encoding="utf-8")
            write_manifest(
                folder,
                command="eval calibrate",
                settings=settings.model_dump(mode="json"),
                inputs=[named_file(file)[1] for file in (*settings.labels, *settings.hatecheck)],
                models={},
                scorers={settings.scorer: result.identity},
                metrics=_metrics(result),
                started=started,
                fingerprint=work.fingerprint,
            )
        claim.finish()
    return result.model_copy(update={"files": [output]})


def _metrics(result: EvalCalibrateResult) -> Mapping[str, object]:
    return result.model_dump(mode="json", include={"languages", "coverage", "thresholds", "hatecheck"})
