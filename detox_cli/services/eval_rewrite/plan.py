"""What ``detox eval rewrite`` would do: systems, rows and scorers, before any model is loaded."""

from pydantic import Field

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.services.cluster import check_cluster
from detox_cli.services.eval_rewrite.limits import limits_of
from detox_cli.services.eval_rewrite.run import gather
from detox_cli.services.eval_rewrite.scores import check_references
from detox_cli.services.plan import Thing
from detox_cli.services.plan import plan as look_at
from detox_cli.services.result import Result, Table
from detox_cli.settings.evaluate import EvalRewriteSettings


class EvalRewritePlan(Result):
    """What would be scored, and by what."""

    rows: dict[str, int] = Field(description="Rows by system and baseline.")
    rejects: int = Field(description="Rows that cannot be read.")
    references_joined_by: str | None = Field(description="How a references file joins the rows.")
    scorers: list[tuple[str, str, str]] = Field(description="Measure, scorer, and what is there.")

    def tables(self) -> list[Table]:
        """The systems, and the scorers."""
        counts = [*self.rows.items(), ("rows that cannot be read", self.rejects)]
        return [
            Table(title="plan", columns=["system", "rows"], rows=counts),
            Table(title="scorers", columns=["measure", "scorer", "found"], rows=self.scorers),
        ]

    def headline(self) -> str:
        """How many outputs would be scored."""
        return str(sum(self.rows.values()))


def plan(settings: EvalRewriteSettings, progress: Progress) -> EvalRewritePlan:
    """Read the systems and look for the scorers; raises what the run itself would raise about them."""
    suite, rejects = SUITES[settings.suite], Rejects(strict=settings.strict)
    limits_of(settings)
    check_cluster(settings)
    systems, joined = gather(settings, rejects, progress)
    check_references(suite, systems)
    names = scorers_of(suite, scorers_instead(settings))
    found = look_at([Thing(f"--{measure}", "scorer", name) for measure, name in names.items()])
    return EvalRewritePlan(
        rows={system.name: len(system.items) for system in systems},
        rejects=rejects.count,
        references_joined_by=joined,
        scorers=[(option.removeprefix("--").upper(), name, there) for option, name, there in found.things],
    )
