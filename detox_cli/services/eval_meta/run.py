"""``detox eval rewrite --meta``: score rated systems with a suite, and ask how far the two agree.

Human scores are people's answers to three questions about an output and its source; a system's human J is
the product of their means, as the organisers compute it. Languages that a scorer does not read are left out,
and said.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detox_cli.data.ratings import Rating, files_of, read_ratings
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.clock import steady_time
from detox_cli.scoring.languages import common, languages_of
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.scoring.suites.suite import Components, Suite, measure_outputs
from detox_cli.services.counted_scores import counted_scores
from detox_cli.services.eval_meta.agreement import LEAST_SYSTEMS, agreement_in, cells_of, mean_agreement
from detox_cli.services.eval_meta.result import EvalMetaResult
from detox_cli.services.eval_rewrite.run import load, rejects_path
from detox_cli.services.eval_rewrite.scores import Draws, check_references
from detox_cli.services.eval_rewrite.systems import Item, System, with_references
from detox_cli.services.evaluation_output import evaluate_once, write_evaluation
from detox_cli.settings.evaluate import EvalRewriteSettings

SILENT = Silent()


def run(settings: EvalRewriteSettings, progress: Progress = SILENT) -> EvalMetaResult:
    """Score the rated systems of ``settings.meta`` and compare.

    Raises:
        BadData: The ratings cannot be used. BadSettings: options that do not go together.
        Missing: A scorer's model is not there.
    """
    started, suite = steady_time(), SUITES[settings.suite]
    check(settings)
    if settings.rows is not None:
        check_target(settings.rows)
    files = files_of(settings.meta) if settings.meta else []

    def work(folder: Path | None, decisive: str | None) -> EvalMetaResult:
        with Rejects(rejects_path(settings), settings.strict) as rejects:
            ratings, left_out = usable(settings, suite, rejects, progress)
            references = _references(settings, suite, ratings, rejects)
            panel = load(settings, suite, settings.batch_tokens, progress)
            progress.stage(f"scoring {len(ratings)} rated outputs")
            sources, outputs = [r.source for r in ratings], [r.output for r in ratings]
            langs = [r.lang for r in ratings]
            parts = counted_scores(
                panel,
                lambda panel: measure_outputs(suite, panel, sources, outputs, references, langs),
                progress,
            )
            progress.stage("drawing intervals")
            result = _compare(settings, suite, ratings, parts).model_copy(
                update={"scorers": panel.identities, "left_out": left_out, "rejects": rejects.count}
            )
            return write_evaluation(
                settings,
                result,
                [_record(rating, parts, row) for row, rating in enumerate(ratings)],
                folder,
                inputs=files,
                scorers=result.scorers,
                metrics={"mean", "languages"},
                started=started,
                decisive=decisive,
            )

    read: list[str | Path] = [*files, *([settings.references] if settings.references else [])]
    return evaluate_once(settings, EvalMetaResult, read, work, progress)


def check(settings: EvalRewriteSettings) -> None:
    """Raise ``BadSettings`` for options that ratings have no use for."""
    unused = {
        "FILE": settings.files != ("-",),
        "--fail-below": bool(settings.fail_below),
        "--fail-if": bool(settings.fail_if),
        "--limit": settings.limit is not None,
    }
    if given := [name for name, there in unused.items() if there]:
        raise BadSettings(
            f"{' and '.join(given)} cannot be given with --meta, which reads the rated outputs of systems",
            where="--meta",
            hint="leave them out, or evaluate your own rewrites without --meta",
        )


def usable(
    settings: EvalRewriteSettings, suite: Suite, rejects: Rejects, progress: Progress
) -> tuple[list[Rating], list[str]]:
    """The ratings in languages that all scorers read, and the other languages.

    Raises:
        BadData: There is none, or a language has too few systems to rank.
    """
    if settings.meta is None:
        raise ValueError("no ratings are named")
    ratings = read_ratings(settings.meta, rejects)
    reads, found = common(names_of(settings, suite).values()), {r.lang for r in ratings}
    left_out = sorted(found - reads) if reads is not None else []
    if left_out:
        progress.warn(f"left out, as a scorer does not read them: {', '.join(left_out)}")
    kept = [r for r in ratings if r.lang not in left_out]
    if not kept:
        raise BadData(
            f"has ratings in {', '.join(sorted(found))}; the scorers read {', '.join(sorted(reads or ()))}",
            where=str(settings.meta),
            hint="name scorers for these languages with --sta, --sim and --fl",
        )
    for lang in sorted({r.lang for r in kept}):
        if (systems := len({r.system for r in kept if r.lang == lang})) < LEAST_SYSTEMS:
            raise BadData(
                f"rates {systems} systems in {lang}; a ranking needs {LEAST_SYSTEMS}",
                where=str(settings.meta),
                hint="give ratings of more systems",
            )
    return kept, left_out


def names_of(settings: EvalRewriteSettings, suite: Suite) -> dict[str, str]:
    """The names of the scorers by measure."""
    return scorers_of(suite, scorers_instead(settings))


def _references(
    settings: EvalRewriteSettings, suite: Suite, ratings: Sequence[Rating], rejects: Rejects
) -> list[tuple[str, ...]]:
    items = [Item(str(i), r.source, r.output, (), r.lang, False, r.where) for i, r in enumerate(ratings)]
    systems = [System("rated", tuple(items))]
    if settings.references is not None:
        systems, _ = with_references(systems, settings.references, rejects)
    check_references(suite, systems)
    return [item.references for item in systems[0].items]


def _compare(
    settings: EvalRewriteSettings, suite: Suite, ratings: Sequence[Rating], parts: Components
) -> EvalMetaResult:
    draws, found = Draws(settings.seed, settings.resamples), []
    for lang in sorted({r.lang for r in ratings}):
        rows = [i for i, r in enumerate(ratings) if r.lang == lang]
        cells = cells_of([ratings[i] for i in rows], parts.take(np.array(rows, dtype=np.intp)))
        found.append(agreement_in(lang, cells, draws))
    languages, drawn = [one for one, _ in found], [each for _, each in found]
    reads = {name.upper(): languages_of(spec) for name, spec in names_of(settings, suite).items()}
    return EvalMetaResult(
        suite=suite.name,
        edition=suite.edition,
        definition={name.upper(): slot.how for name, slot in suite.slots.items()},
        scorers={},
        reads={name: None if langs is None else sorted(langs) for name, langs in reads.items()},
        left_out=[],
        rejects=0,
        languages=languages,
        mean=mean_agreement(languages, drawn),
    )


def _record(rating: Rating, parts: Components, row: int) -> dict[str, object]:
    """A row's scores without its texts, which are not ours to pass on."""
    return {
        "system": rating.system,
        "lang": rating.lang,
        "source_sha256": hashlib.sha256(rating.source.encode()).hexdigest()[:16],
        "sta": float(parts.sta[row]),
        "sim": float(parts.sim[row]),
        "fl": float(parts.fl[row]),
        "j": float(parts.joint[row]),
        "human_toxicity": rating.toxicity,
        "human_content": rating.content,
        "human_fluency": rating.fluency,
    }
