"""What ``eval compare`` is to do: everything that decides its outcome, before a model is loaded."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings
from detox_cli.generation.judging import JUDGE_EN_V1
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.scoring.suites.suite import Suite
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_compare.contests import Contest, contests
from detox_cli.services.eval_compare.picture import check_picture
from detox_cli.services.eval_compare.result import SideBySide
from detox_cli.services.eval_compare.rewrites import JOINT, MEASURES, unmeasured
from detox_cli.services.eval_compare.verdicts import read_verdicts
from detox_cli.services.eval_compare.votes import Vote
from detox_cli.services.eval_rewrite.limits import ALIASES
from detox_cli.services.eval_rewrite.run import read
from detox_cli.services.eval_rewrite.scores import check_references
from detox_cli.services.eval_rewrite.systems import System
from detox_cli.services.figure_rows import metrics_of
from detox_cli.services.quality_limits import Limit, check_names, parse_limits
from detox_cli.settings.compare import EvalCompareSettings
from detox_cli.settings.engine import EngineChoice, EngineOptions

NOT_DECISIVE = {"files", "output", "overwrite", "rejects", "strict", "picture", "cache", "limit", "fail_if"}
"""Settings that do not change the outcome; of the files the rows count."""


@dataclass(frozen=True)
class Work:
    """The systems, who is compared with whom, and by what.

    Attributes:
        systems: The rewrites.
        contests: Who is compared with whom, on which rows; nothing is measured yet.
        suite: Scores the rewrites, if they are to be scored.
        judge: Says which rewrite is better, if one is asked for.
        verdicts: The votes of people on the rows of the only contest, if there are any.
        fingerprint: Whatever decides the outcome.
    """

    systems: list[System]
    contests: list[Contest]
    suite: Suite | None
    judge: Writer | None
    verdicts: list[Vote | None] | None
    fingerprint: str


def prepare(settings: EvalCompareSettings, rejects: Rejects, progress: Progress) -> Work:
    """Read the files, and find the scorers and the judge.

    Raises:
        BadData: A file, a column or a row cannot be used, or systems share no rows.
        BadSettings: The settings contradict each other.
        Missing: The judge, a scorer, or what draws a picture is not there.
    """
    check(settings)
    systems, _ = read(settings, rejects, progress)
    pairs = contests(unmeasured(systems), settings.against)
    suite = SUITES[settings.suite] if settings.scores else None
    if suite is not None:
        check_references(suite, systems)
    judge = find_judge(settings)
    verdicts = None
    if settings.verdicts is not None:
        verdicts = read_verdicts(settings.verdicts, only(pairs), rejects)
    decisive = fingerprint(
        command="eval compare",
        rows=[(one.name, [astuple(item)[:5] for item in one.items]) for one in systems],
        settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
        scorers=[scorer_content(name) for name in scorers_of(suite, scorers_instead(settings)).values()]
        if suite is not None
        else [],
        judge=[*judge.decisive, JUDGE_EN_V1.id] if judge is not None else [],
        verdicts=verdicts,
        rejects=rejects.count,
    )
    return Work(systems, pairs, suite, judge, verdicts, decisive)


def check(settings: EvalCompareSettings) -> None:
    """Raise ``BadSettings`` if the settings leave nothing to do, or name what is not there."""
    if len(settings.files) < 2:
        raise BadSettings(
            "one system has nothing to be compared with", where="FILE", hint="give two files or more"
        )
    if not settings.scores and settings.judge is None and settings.verdicts is None:
        raise BadSettings(
            "nothing is left to compare by",
            where="--no-scores",
            hint="leave it out, or name a --judge or --verdicts",
        )
    if wrong := [name for name in settings.pareto if name not in MEASURES]:
        raise BadSettings(
            f"no measure is called {wrong[0]!r}",
            where="--pareto",
            hint=f"the measures are {', '.join(MEASURES)}",
        )
    if settings.picture is not None:
        check_picture(settings.picture)
    voters = (JOINT, "judge", "verdicts")
    check_names(limits_of(settings), (*MEASURES, *metrics_of(SideBySide)), voters)


def limits_of(settings: EvalCompareSettings) -> list[Limit]:
    """What ``--fail-if`` says."""
    return parse_limits(settings.fail_if, ALIASES)


def find_judge(settings: EvalCompareSettings) -> Writer | None:
    """The model that judges, found but not loaded.

    Raises:
        BadSettings: It takes no conversation.
        Missing: It cannot be had.
    """
    if settings.judge is None:
        return None
    choice = {name: getattr(settings, name) for name in EngineChoice.model_fields}
    judge = find_writer(EngineOptions(model=settings.judge, **choice))
    if judge.encoder_decoder:
        raise BadSettings(
            f"{judge.name} reads text, not a conversation", where="--judge", hint="name a chat model"
        )
    return judge


def only(pairs: Sequence[Contest]) -> Contest:
    """The one contest that verdicts are about.

    Raises:
        BadSettings: There are several.
    """
    if len(pairs) > 1:
        raise BadSettings(
            f"verdicts are about two systems, and there are {len(pairs) + 1}",
            where="--verdicts",
            hint="give the two files that were compared",
        )
    return pairs[0]
