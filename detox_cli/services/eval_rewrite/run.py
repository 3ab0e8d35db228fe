"""``detox eval rewrite``: STA, SIM, FL and J of systems that rewrite, in one of the published suites.

Every mean has its interval and its n, systems are compared on the rows they share, copies, refusals and empty
outputs are counted and scored as they are, and J is never printed without its suite and its aggregation.
"""

from collections.abc import Sequence
from pathlib import Path

from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.clock import steady_time
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import load_panel, scorers_instead, scorers_of
from detox_cli.scoring.suites.panel import FluencyOfTriples, Panel
from detox_cli.scoring.suites.suite import Suite
from detox_cli.services.cluster import check_cluster, cluster_of
from detox_cli.services.eval_rewrite.coverage import unread
from detox_cli.services.eval_rewrite.limits import limits_of
from detox_cli.services.eval_rewrite.result import EvalRewriteResult
from detox_cli.services.eval_rewrite.scores import (
    Draws,
    Scored,
    by_language,
    check_references,
    differences,
    over_languages,
    row_records,
    score_systems,
    summarise,
)
from detox_cli.services.eval_rewrite.systems import (
    Columns,
    System,
    baselines,
    files_by_system,
    read_systems,
    with_references,
)
from detox_cli.services.evaluation_output import evaluate_once, write_evaluation
from detox_cli.services.quality_limits import missed
from detox_cli.settings.evaluate import EvalRewriteSettings
from detox_cli.settings.rewrites import RewriteScoring

SILENT = Silent()


def run(settings: EvalRewriteSettings, progress: Progress = SILENT) -> EvalRewriteResult:
    """Score the systems of ``settings.files`` and the baselines.

    Raises:
        BadData: A file, a column or a row cannot be used. Missing: a scorer's model is not there.
        BadSettings: A limit, a scorer's name or an output is not valid.
    """
    started, suite, limits = steady_time(), SUITES[settings.suite], limits_of(settings)
    check_cluster(settings)
    if settings.rows is not None:
        check_target(settings.rows)

    def work(folder: Path | None, decisive: str | None) -> EvalRewriteResult:
        with Rejects(rejects_path(settings), settings.strict) as rejects:
            systems, joined = gather(settings, rejects, progress)
            check_references(suite, systems)
            panel = load(settings, suite, settings.batch_tokens, progress)
            scored = _score(suite, _placed(panel, suite, settings, progress), systems, settings, progress)
            result = _summary(settings, suite, panel, scored, joined, rejects, progress)
            return write_evaluation(
                settings,
                result,
                [record for one in scored for record in row_records(one)],
                folder,
                inputs=inputs(settings),
                scorers=result.scorers,
                metrics={"systems"},
                started=started,
                decisive=decisive,
            )

    read: list[str | Path] = [*inputs(settings), *([settings.lexicon] if settings.lexicon else [])]
    result = evaluate_once(settings, EvalRewriteResult, read, work, progress)
    own = [scores.system for scores in result.systems if not scores.baseline]
    return result.model_copy(update={"missed": missed(limits, result.rows(), own)})


def gather(
    settings: EvalRewriteSettings, rejects: Rejects, progress: Progress = SILENT
) -> tuple[list[System], str | None]:
    """The systems with their references and the baselines; and how a references file was joined."""
    systems, joined = read(settings, rejects, progress)
    if settings.baselines:
        systems += baselines(systems, read_lexicon(settings.lexicon or BUNDLED))
    return systems, joined


def read(
    settings: RewriteScoring, rejects: Rejects, progress: Progress = SILENT
) -> tuple[list[System], str | None]:
    """The systems with their references; and how a references file was joined."""
    columns = Columns(
        settings.toxic_column, settings.output_column, settings.reference_columns, settings.abstain_text
    )
    systems = read_systems(settings.files, columns, rejects, settings.limit)
    joined: str | None = None
    if settings.references is not None:
        systems, joined = with_references(systems, settings.references, rejects)
        progress.detail(f"references joined by {joined}")
    _warn_of_rows_not_shared(systems, progress)
    return systems, joined


def load(settings: RewriteScoring, suite: Suite, batch_tokens: int, progress: Progress = SILENT) -> Panel:
    """The suite's scorers, or those that the settings put in their place."""
    progress.stage("loading scorers")
    instead = scorers_instead(settings)
    for measure, slot in suite.slots.items():
        if slot.kind == "formula" and instead[measure]:
            progress.warn(
                f"suite {suite.name} computes {measure.upper()} as {slot.how}; --{measure} is not used"
            )
    cache = ScoreCache(on_warning=progress.warn) if settings.cache else None
    return load_panel(suite, instead, device=settings.device, batch_tokens=batch_tokens, cache=cache)


def inputs(settings: RewriteScoring) -> list[str]:
    """The files that are read."""
    return [
        *files_by_system(settings.files).values(),
        *([settings.references] if settings.references else []),
    ]


def _score(
    suite: Suite, panel: Panel, systems: list[System], settings: EvalRewriteSettings, progress: Progress
) -> list[Scored]:
    rows = sum(len(system.items) for system in systems)
    progress.stage(f"scoring {rows} outputs of {len(systems)} systems and baselines")
    return score_systems(suite, panel, systems, read_lexicon(settings.lexicon or BUNDLED), progress)


def _placed(panel: Panel, suite: Suite, settings: EvalRewriteSettings, progress: Progress) -> Panel:
    """The panel, its models where the settings want them."""
    if settings.engine != "ray":
        return panel
    from detox_cli.services.scoring_there import panel_there

    cluster = cluster_of(settings, gpus=0 if settings.device.startswith("cpu") else 1)
    options = {"device": settings.device, "batch_tokens": settings.batch_tokens}
    return panel_there(panel, scorers_of(suite, scorers_instead(settings)), cluster, options, progress)


def _summary(
    settings: EvalRewriteSettings,
    suite: Suite,
    panel: Panel,
    scored: list[Scored],
    joined: str | None,
    rejects: Rejects,
    progress: Progress,
) -> EvalRewriteResult:
    draws = Draws(settings.seed, settings.resamples)
    progress.stage("drawing intervals")
    cut = texts_cut(panel, [one.system for one in scored], progress)
    names = scorers_of(suite, scorers_instead(settings))
    return EvalRewriteResult(
        suite=suite.name,
        edition=suite.edition,
        definition={name.upper(): slot.how for name, slot in suite.slots.items()},
        scorers=panel.identities,
        published_scorers=all(names[measure] == suite.slots[measure].spec for measure in names),
        references_joined_by=joined,
        cut=cut,
        unread=unread(names, [one.system for one in scored], progress),
        rejects=rejects.count,
        systems=[summarise(one, draws) for one in scored],
        languages=by_language(scored, draws),
        language_means=over_languages(scored, draws),
        differences=differences(scored, draws),
    )


def texts_cut(panel: Panel, systems: Sequence[System], progress: Progress) -> dict[str, int]:
    """How many outputs (and for SIM pairs) are longer than their scorer reads; the listener is told."""
    items = list({(i.source, i.output): i for one in systems for i in one.items if i.output.strip()})
    outputs = list(dict.fromkeys(output for _, output in items))
    found = {"STA": panel.sta.too_long(outputs), "SIM": panel.sim.too_long(items)}
    if panel.fl is not None and not isinstance(panel.fl, FluencyOfTriples):
        found["FL"] = panel.fl.too_long(outputs)
    cut = {measure: count for measure, count in found.items() if count}
    for measure, count in cut.items():
        progress.warn(
            f"{count} texts are longer than the scorer of {measure} reads; their ends were not scored"
        )
    return cut


def _warn_of_rows_not_shared(systems: Sequence[System], progress: Progress) -> None:
    ids = [{item.id for item in system.items} for system in systems]
    everywhere, anywhere = set.intersection(*ids), set.union(*ids)
    if len(everywhere) < len(anywhere):
        progress.warn(
            f"{len(anywhere) - len(everywhere)} of {len(anywhere)} rows are not in every file; "
            "each system is scored on its own rows, differences on shared ones"
        )


def rejects_path(settings: RewriteScoring) -> Path | None:
    """Where rows that cannot be read go; nowhere but into the count without an output."""
    if settings.rejects is not None or settings.output is None:
        return settings.rejects
    return settings.output.with_name(f"{settings.output.name}.rejects.jsonl")
