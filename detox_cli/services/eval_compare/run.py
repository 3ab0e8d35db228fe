"""``detox eval compare``: systems against each other on the rows that they share.

Three kinds of evidence, each paired by row: the measures of a suite, a language model that reads both
rewrites in both orders, and verdicts of people. Side by side as in PseudoParaDetox (Moskovskiy et al., EMNLP
Findings 2024) and SynthDetoxM (2025).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detox_cli.data.rejects import Rejects
from detox_cli.generation.judging import JUDGE_EN_V1
from detox_cli.generation.requests import Completion, Request, Sampling
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer
from detox_cli.services.eval_compare.contests import Contest, Contestant, contests
from detox_cli.services.eval_compare.differences import differences
from detox_cli.services.eval_compare.judge import Ruling, Shown, consistency, judge, rule
from detox_cli.services.eval_compare.pareto import standings
from detox_cli.services.eval_compare.picture import draw
from detox_cli.services.eval_compare.result import EvalCompareResult, JudgeReport
from detox_cli.services.eval_compare.rewrites import JOINT, MEASURES, measured, texts, unmeasured
from detox_cli.services.eval_compare.rows import row_records
from detox_cli.services.eval_compare.votes import Vote, corrected, side_by_side, votes_of_scores
from detox_cli.services.eval_compare.work import Work, limits_of, prepare
from detox_cli.services.eval_rewrite.run import inputs, load, rejects_path, texts_cut
from detox_cli.services.evaluation_output import write_report
from detox_cli.services.quality_limits import missed
from detox_cli.settings.compare import EvalCompareSettings

SILENT = Silent()
Votes = Sequence[Sequence[Vote | None]]
"""For each contest the vote on each of its rows."""


def run(settings: EvalCompareSettings, progress: Progress = SILENT) -> EvalCompareResult:
    """Compare the systems of ``settings.files``.

    With an output folder the judge's answers are kept in ``NAME.journal`` while the work runs: a killed run
    goes on where it was, and ends in the same bytes.

    Raises:
        BadData: A file, a column or a row cannot be used.
        BadSettings: The settings contradict each other, or something else is at the output.
        Missing: The judge, a scorer, or what draws a picture is not there.
    """
    with Rejects(rejects_path(settings), settings.strict) as rejects:
        work = prepare(settings, rejects, progress)
        if settings.output is None:
            result, _ = compare(settings, work, rejects.count, None, progress)
        else:
            result = _kept(settings, settings.output, work, rejects.count, progress)
    files = [path for path in (settings.output, settings.picture) if path is not None]
    if settings.picture is not None:
        draw(result.side_by_side, settings.picture)
    beyond = missed(limits_of(settings), result.rows(), result.pairs)
    return result.model_copy(update={"files": files, "missed": beyond})


def compare(
    settings: EvalCompareSettings, work: Work, rejected: int, journal: Journal | None, progress: Progress
) -> tuple[EvalCompareResult, list[dict[str, Any]]]:
    """The result, and one record per contest and row."""
    seed, resamples = settings.seed, settings.resamples
    contestants, scoring = _measured(settings, work, progress)
    pairs = contests(contestants, settings.against)
    rulings = None
    if work.judge is not None:
        rulings = _rulings(settings, work, work.judge, journal, progress)
    votes = _votes(settings, work, pairs, rulings)
    progress.stage("drawing intervals")
    measures = MEASURES if work.suite is not None else ()
    result = EvalCompareResult(
        systems={system.name: len(system.items) for system in work.systems},
        rejects=rejected,
        tie_margin=settings.tie_margin,
        differences=differences(pairs, measures, seed, resamples),
        side_by_side=[
            one
            for by, cast in votes.items()
            for one in corrected(
                [side_by_side(pair, by, own, seed, resamples) for pair, own in zip(pairs, cast, strict=True)]
            )
        ],
        pareto=standings(contestants, settings.pareto or MEASURES[:3], seed, resamples) if measures else [],
        judge=_report(settings, work.judge, pairs, rulings, progress),
        **scoring,
    )
    return result, row_records(pairs, work.systems, votes, rulings)


def _measured(
    settings: EvalCompareSettings, work: Work, progress: Progress
) -> tuple[list[Contestant], dict[str, Any]]:
    """The systems with their measures, and what the result says about who measured."""
    if work.suite is None:
        about: dict[str, Any] = {
            "suite": None,
            "definition": {},
            "scorers": {},
            "published_scorers": False,
            "cut": {},
        }
        return unmeasured(work.systems), about
    suite = work.suite
    panel = load(settings, suite, BATCH_TOKENS, progress)
    progress.stage(f"scoring {sum(len(system.items) for system in work.systems)} outputs")
    contestants = measured(suite, panel, work.systems, progress)
    names = scorers_of(suite, scorers_instead(settings))
    return contestants, {
        "suite": suite.title,
        "definition": {name.upper(): slot.how for name, slot in suite.slots.items()},
        "scorers": panel.identities,
        "published_scorers": all(names[measure] == suite.slots[measure].spec for measure in names),
        "cut": texts_cut(panel, work.systems, progress),
    }


def _rulings(
    settings: EvalCompareSettings, work: Work, writer: Writer, journal: Journal | None, progress: Progress
) -> list[list[Ruling]]:
    """The judge's ruling on every row of every contest."""
    questions = [[Shown(*row) for row in texts(pair, work.systems)] for pair in work.contests]
    engine = writer.load(progress)

    def ask(requests: Sequence[Request], sampling: Sampling, label: str) -> Mapping[str, Completion]:
        long = writer.faults(requests, sampling)
        if long:
            progress.warn(f"{len(long)} questions are too long for the judge and count as unparsed")
        there = [request for request in requests if request.id not in long]
        return answer(engine, there, sampling, journal, progress, label).completions

    flat = [shown for rows in questions for shown in rows]
    said = judge(flat, ask, settings.judge_retries, settings.seed)
    if unread := sum(one.answer is None for one in said.values()):
        progress.warn(f"{unread} of {len(said)} questions have no answer of the judge that can be read")
    return [[rule(shown, said) for shown in rows] for rows in questions]


def _votes(
    settings: EvalCompareSettings,
    work: Work,
    pairs: Sequence[Contest],
    rulings: Sequence[Sequence[Ruling]] | None,
) -> dict[str, Votes]:
    """The votes on all rows, by who gave them."""
    votes: dict[str, Votes] = {}
    if work.suite is not None:
        votes[JOINT] = [votes_of_scores(pair, JOINT, settings.tie_margin) for pair in pairs]
    if rulings is not None:
        votes["judge"] = [[ruling.vote for ruling in rows] for rows in rulings]
    if work.verdicts is not None:
        votes["verdicts"] = [work.verdicts]
    return votes


def _report(
    settings: EvalCompareSettings,
    writer: Writer | None,
    pairs: Sequence[Contest],
    rulings: Sequence[Sequence[Ruling]] | None,
    progress: Progress,
) -> JudgeReport | None:
    if writer is None or rulings is None:
        return None
    found = [
        consistency(pair, rows, settings.seed, settings.resamples)
        for pair, rows in zip(pairs, rulings, strict=True)
    ]
    doubts = [doubt for one in found if (doubt := one.doubt())]
    for doubt in doubts:
        progress.warn(doubt)
    return JudgeReport(
        model=writer.name,
        fingerprint=writer.fingerprint,
        prompt_id=JUDGE_EN_V1.id,
        retries=settings.judge_retries,
        contests=found,
        doubts=doubts,
    )


def _kept(
    settings: EvalCompareSettings, output: Path, work: Work, rejected: int, progress: Progress
) -> EvalCompareResult:
    """The result in its folder: the one that is there already, or a new one."""
    started = steady_time()
    with claim_output(output, work.fingerprint, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.warn(f"{output} is finished already; nothing was done")
            return EvalCompareResult.model_validate_json((output / "summary.json").read_text("utf-8"))
        with claim.resumable_work() as journal:
            result, records = compare(settings, work, rejected, journal, progress)
        ours = (read_manifest(output) or {}).get("fingerprint") == work.fingerprint
        with atomic_folder(output, overwrite=settings.overwrite or ours) as folder:
            write_report(folder, result, records)
            write_manifest(
                folder,
                command="eval compare",
                settings=settings.model_dump(mode="json"),
                inputs=[*inputs(settings), *([settings.verdicts] if settings.verdicts else [])],
                models={"judge": work.judge.identity} if work.judge is not None else {},
                scorers=result.scorers,
                metrics=result.model_dump(mode="json", include={"differences", "side_by_side", "pareto"}),
                started=started,
                fingerprint=work.fingerprint,
            )
        claim.finish()
    return result
