"""What ``detox eval compare`` would do, before any model is loaded."""

from pydantic import Field

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.services.eval_compare.rewrites import texts
from detox_cli.services.eval_compare.work import prepare
from detox_cli.services.plan import Thing
from detox_cli.services.plan import plan as look_at
from detox_cli.services.result import Result, Table
from detox_cli.settings.compare import EvalCompareSettings


class EvalComparePlan(Result):
    """Who would be compared with whom, and by what."""

    contests: list[tuple[str, str, int]] = Field(description="System, the other one, and shared rows.")
    rejects: int = Field(description="Rows that cannot be used.")
    questions: int = Field(description="What the judge would be asked, both orders counted, retries not.")
    models: list[tuple[str, str, str]] = Field(description="Scorers and judge, and what is there.")

    def tables(self) -> list[Table]:
        """The contests, and the models."""
        caption = f"{self.rejects} rows cannot be used; {self.questions} questions for the judge"
        columns = ["system", "against", "rows"]
        return [
            Table(title="plan", columns=columns, rows=self.contests, caption=caption),
            Table(title="models", columns=["option", "name", "found"], rows=self.models),
        ]

    def headline(self) -> str:
        """How many questions a judge would be asked."""
        return str(self.questions)


def plan(settings: EvalCompareSettings, progress: Progress) -> EvalComparePlan:
    """Read the systems, look for the models; raises what the run itself would raise about them."""
    rejects = Rejects(strict=settings.strict)
    work = prepare(settings, rejects, progress)
    names = scorers_of(work.suite, scorers_instead(settings)) if work.suite is not None else {}
    things = [Thing(f"--{measure}", "scorer", name) for measure, name in names.items()]
    questions = 0
    if settings.judge is not None:
        things.append(Thing("--judge", "model", settings.judge, settings.revision))
        rows = [row for contest in work.contests for row in texts(contest, work.systems)]
        questions = 2 * len({row for row in rows if row[1].split() != row[2].split()})
    return EvalComparePlan(
        contests=[(one.system.name, one.against.name, len(one.ids)) for one in work.contests],
        rejects=rejects.count,
        questions=questions,
        models=look_at(things).things,
    )
