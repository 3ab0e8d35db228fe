"""``detox eval compare`` of runs of ``eval generation``: the same prompts and scorers, other systems."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.eval_compare.contests import Contestant, contests
from detox_cli.services.eval_compare.picture import check_picture
from detox_cli.services.eval_compare.run_figures import (
    PERPLEXITY,
    Drawn,
    System,
    corrected,
    differences,
    draw,
    front,
    order,
)
from detox_cli.services.eval_compare.run_groups import in_groups, languages_of, macro, shown, strata_of
from detox_cli.services.eval_compare.run_page import parts
from detox_cli.services.eval_compare.run_picture import draw_fronts
from detox_cli.services.eval_compare.run_result import RunCompareResult, SystemRow
from detox_cli.services.eval_compare.runs import Run, read_runs, unlike_figures
from detox_cli.services.eval_generation.limits import METRICS
from detox_cli.services.eval_generation.stages import SCORES
from detox_cli.services.evaluation_output import write_summary
from detox_cli.services.quality_limits import Limit, check_names, missed, parse_limits
from detox_cli.settings.compare import EvalCompareSettings

OTHERS = (PERPLEXITY, "dist_2", "repetition", "empties", "refusals", "in_language")
"""What is shown beside toxicity, where it was measured."""


def run_runs(settings: EvalCompareSettings, progress: Progress) -> RunCompareResult:
    """Compare the runs of ``settings.files``.

    Raises:
        BadSettings: They differ in more than the system, or options for rewrites are given.
        BadData: A run cannot be read.
        Missing: What draws a picture is not there.
    """
    limits = check(settings)
    progress.stage("reading runs")
    runs = read_runs(settings.files, settings.seed, settings.resamples)
    if settings.output is None:
        result = compare_runs(settings, runs, progress)
    else:
        result = _kept(settings, settings.output, runs, progress)
    if settings.picture is not None:
        if not result.fronts:
            raise BadSettings(
                "there is no perplexity to draw",
                where="--picture",
                hint="give `detox eval generation` a --judge",
            )
        draw_fronts(result.fronts, settings.picture)
    files = [path for path in (settings.output, settings.picture) if path is not None]
    beyond = missed(limits, result.rows(), [one.system for one in result.systems])
    return result.model_copy(update={"files": files, "missed": beyond})


def check(settings: EvalCompareSettings) -> list[Limit]:
    """The limits of ``--fail-if``; raises ``BadSettings`` for options that runs have no use for."""
    unused = {
        "--judge": settings.judge is not None,
        "--verdicts": settings.verdicts is not None,
        "--references": settings.references is not None,
        "--limit": settings.limit is not None,
        "--no-scores": not settings.scores,
    }
    if given := [name for name, there in unused.items() if there]:
        raise BadSettings(
            f"{' and '.join(given)} cannot be given with runs of eval generation",
            hint="leave them out: the runs hold all scores",
        )
    if len(settings.files) < 2:
        raise BadSettings("one run has nothing to be compared with", where="FILE", hint="give two or more")
    if settings.picture is not None:
        check_picture(settings.picture)
    limits = parse_limits(settings.fail_if)
    check_names(limits, METRICS)
    return limits


def compare_runs(settings: EvalCompareSettings, runs: Sequence[Run], progress: Progress) -> RunCompareResult:
    """The result."""
    systems = {run.name: run.sums() for run in runs}
    contestants = [Contestant(run.name, tuple(run.columns.ids), tuple(run.columns.ids)) for run in runs]
    pairs = contests(contestants, settings.against)
    toxicity, figures = _figures(systems, runs[0].counting.ks, settings)
    progress.stage("drawing intervals")
    drawn = draw(systems, figures, settings.seed, settings.resamples)
    if not (fluent := all(PERPLEXITY in one for one in systems.values())):
        progress.warn(
            "perplexity was not measured, so there is no front: give `detox eval generation` a --judge"
        )
    for note in (notes := unlike_figures(runs)):
        progress.warn(note)
    kept, draws = shown(toxicity, figures), (settings.seed, settings.resamples)
    languages = languages_of(runs[0])
    return RunCompareResult(
        systems=[_row(run, drawn, figures) for run in runs],
        scorers=dict(runs[0].scorers),
        ks=list(runs[0].counting.ks),
        threshold=runs[0].counting.threshold,
        units=len(set(runs[0].columns.units.tolist())),
        differences=corrected(differences(pairs, drawn, figures)),
        by_stratum=in_groups(runs, pairs, kept, strata_of(runs[0]), draws),
        by_language=in_groups(runs, pairs, kept, languages, draws),
        macro=macro(runs, pairs, kept, languages, draws),
        fronts=[front(drawn, name) for name in toxicity] if fluent else [],
        order=order(drawn, toxicity),
        notes=notes,
    )


def _figures(
    systems: Mapping[str, System], ks: Sequence[int], settings: EvalCompareSettings
) -> tuple[list[str], list[str]]:
    """The figure of toxicity of each scorer, and all figures that are shown.

    Raises:
        BadSettings: ``--pareto`` names something that was not measured.
    """
    common = [name for name in next(iter(systems.values())) if all(name in one for one in systems.values())]
    scorers = list(dict.fromkeys(name.rpartition("/")[0] for name in common if name.endswith("/mean")))
    k = max(ks)
    toxicity = list(settings.pareto) or [f"{name}/probability@{k}" for name in scorers]
    if wrong := [name for name in toxicity if name not in common]:
        raise BadSettings(
            f"{wrong[0]!r} was not measured of all systems",
            where="--pareto",
            hint=f"there are {', '.join(common)}",
        )
    kinds = (f"expected_maximum@{k}", f"probability@{k}", "mean")
    shown = [f"{name}/{kind}" for name in scorers for kind in kinds]
    return toxicity, list(dict.fromkeys([*shown, *toxicity, *(name for name in OTHERS if name in common)]))


def _row(run: Run, drawn: Drawn, shown: Sequence[str]) -> SystemRow:
    name = run.model.get("name", "")
    folder = Path(name).expanduser()
    made = (read_manifest(folder) if name and folder.is_dir() else None) or {}
    return SystemRow(
        system=run.name,
        model=name,
        method=str(made.get("command", "")),
        made_seconds=made.get("wall_seconds"),
        written_seconds=run.seconds,
        prompts=len(run.columns),
        samples=int(run.columns.counts.sum()),
        figures={one: drawn.estimate(run.name, one) for one in shown} | dict(run.own),
    )


def _kept(
    settings: EvalCompareSettings, output: Path, runs: Sequence[Run], progress: Progress
) -> RunCompareResult:
    """The result in its folder: the one that is there already, or a new one."""
    started = steady_time()
    decisive = fingerprint(
        command="eval compare",
        runs=[run.decisive for run in runs],
        settings=settings.model_dump(mode="json", include={"against", "pareto", "seed", "resamples"}),
    )
    with claim_output(output, decisive, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.warn(f"{output} is finished already; nothing was done")
            return RunCompareResult.model_validate_json((output / "summary.json").read_text("utf-8"))
        result = compare_runs(settings, runs, progress)
        with atomic_folder(output, overwrite=settings.overwrite) as folder:
            write_summary(folder, result, result.rows(), "Systems side by side", parts(result))
            write_manifest(
                folder,
                command="eval compare",
                settings=settings.model_dump(mode="json"),
                inputs=[run.folder / SCORES for run in runs],
                models={run.name: dict(run.model) for run in runs},
                scorers=result.scorers,
                metrics=result.model_dump(mode="json", include={"differences", "fronts", "order"}),
                started=started,
                fingerprint=decisive,
            )
        claim.finish()
    return result
