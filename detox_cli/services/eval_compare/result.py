"""What ``eval compare`` reports, as data and as tables."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.figure_rows import FigureRow, figure_rows, figures_in
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class Difference(BaseModel):
    """A system minus another one in one measure, on the rows that both have."""

    model_config = ConfigDict(frozen=True)

    system: str
    against: str
    measure: str
    rows: int
    mean: float = Field(description="Of the system.")
    mean_against: float = Field(description="Of the other one.")
    difference: Estimate = Field(description="Mean difference; n counts sources.")
    p: float = Field(description="Two-sided, paired permutation test over sources.")
    p_holm: float | None = Field(default=None, description="The same, corrected for the number of contests.")


class SideBySide(BaseModel):
    """How often a system is better than another one, row by row."""

    model_config = ConfigDict(frozen=True)

    system: str
    against: str
    by: str = Field(description="A measure, `judge` or `verdicts`.")
    rows: int = Field(description="Rows with a vote.")
    win: Estimate = Field(description="Share of rows on which the system is better; n counts sources.")
    tie: Estimate
    loss: Estimate
    unparsed: Estimate = Field(description="Share of rows of which a judge's answer could not be read.")
    without_vote: int = Field(description="Shared rows that nobody has judged.")
    p: float = Field(description="Two-sided sign test over sources; ties are left out.")
    p_holm: float | None = Field(default=None, description="The same, corrected for the number of contests.")


class Consistency(BaseModel):
    """Whether the judge's answers depend on the order in which it reads the two."""

    model_config = ConfigDict(frozen=True)

    system: str
    against: str
    rows: int
    identical: int = Field(description="Rows whose outputs are the same text: ties that are not asked about.")
    inconsistent: Estimate | None = Field(
        description="Share of rows, read in both orders, on which the order changes the answer."
    )
    by_chance: float | None = Field(
        default=None,
        description="The same share for a judge who says A, B and tie as often, but does not read the texts.",
    )
    first_position: Estimate | None = Field(
        description="Share of the answers that name a side which name the one read first; 0.5 is no bias."
    )
    asked_again: int = Field(description="Questions whose first answer could not be read.")
    unparsed: int = Field(description="Questions none of whose answers could be read.")

    def doubt(self) -> str | None:
        """Why the votes are no evidence; ``None`` if nothing here says so."""
        asked, pair = 2 * (self.rows - self.identical), f"{self.system} against {self.against}"
        if not asked:
            return None
        if 2 * self.unparsed > asked:
            heard = f"{asked - self.unparsed} of {asked} questions"
            return f"{pair}: the judge answered {heard}; do not use its votes"
        if self.inconsistent is None or self.by_chance is None:
            return f"{pair}: no row was answered in both orders; do not use the judge's votes"
        if self.by_chance == 0:
            return f"{pair}: the judge named no side at all"
        if self.inconsistent.high >= self.by_chance:
            share = f"{self.inconsistent.mean:.0%} of the rows, {self.by_chance:.0%} by chance"
            return f"{pair}: the order changed the judge's answer on {share}; do not use its votes"
        return None


class JudgeReport(BaseModel):
    """Who judged, and how steadily."""

    model_config = ConfigDict(frozen=True)

    model: str
    fingerprint: str
    prompt_id: str
    retries: int
    contests: list[Consistency]
    doubts: list[str] = Field(default=[], description="Contests in which its votes are no evidence, and why.")


class Standing(BaseModel):
    """A system among all, on the rows that all have."""

    model_config = ConfigDict(frozen=True)

    system: str
    rows: int
    means: dict[str, Estimate] = Field(description="By measure; n counts sources.")
    dominated_by: list[str] = Field(description="Systems at least as good in all measures, better in one.")
    front_share: float = Field(description="Share of bootstrap draws in which no system dominates it.")


class EvalCompareResult(Result):
    """Systems against each other."""

    systems: dict[str, int] = Field(description="Rows of each system.")
    suite: str | None = Field(description="The suite of the scores; null if nothing was scored.")
    definition: dict[str, str] = Field(description="How the suite defines each measure.")
    scorers: dict[str, str] = Field(description="The identity of each scorer.")
    published_scorers: bool = Field(description="Whether every scorer is the suite's own.")
    cut: dict[str, int] = Field(description="Texts or pairs longer than a scorer reads, by measure.")
    rejects: int = Field(description="Rows that could not be used.")
    tie_margin: float = Field(description="Differences up to this are ties.")
    differences: list[Difference]
    side_by_side: list[SideBySide]
    pareto: list[Standing]
    judge: JudgeReport | None = None
    missed: list[str] = Field(default=[], description="Limits of --fail-if that are not met.")

    @property
    def pairs(self) -> list[str]:
        """Who is compared with whom, as ``rows`` has it."""
        listed = [(one.system, one.against) for one in self.differences]
        listed += [(one.system, one.against) for one in self.side_by_side]
        return [" - ".join(pair) for pair in dict.fromkeys(listed)]

    def rows(self) -> Iterator[FigureRow]:
        """Every difference, every share of votes, and every system's means, one a row."""
        for one in self.differences:
            pair = f"{one.system} - {one.against}"
            yield from figure_rows(pair, {one.measure: one.difference}, difference=True)
        for votes in self.side_by_side:
            shares = {f"{votes.by}/{name}": share for name, share in figures_in(votes).items()}
            yield from figure_rows(f"{votes.system} - {votes.against}", shares, difference=True)
        for system in self.pareto:
            yield from figure_rows(system.system, system.means)

    def problem(self) -> DetoxError | None:
        """The limits that are not met."""
        return QualityLimit("; ".join(self.missed)) if self.missed else None

    def tables(self) -> list[Table]:
        """Differences, then votes, the judge's consistency, and the front."""
        found = []
        if self.differences:
            found.append(differences_table(self.suite or "", self.differences, self._caption()))
        if self.side_by_side:
            found.append(votes_table(self.side_by_side, self.tie_margin))
        if self.judge is not None:
            found.append(consistency_table(self.judge))
        if self.pareto:
            found.append(pareto_table(self.pareto))
        return found

    def headline(self) -> str:
        """Wins, ties and losses of every contest, by whom."""
        return "\n".join(
            f"{one.system}\t{one.against}\t{one.by}\t{one.win.mean:.4f}\t{one.tie.mean:.4f}\t{one.loss.mean:.4f}"
            for one in self.side_by_side
        )

    def _caption(self) -> str:
        lines = [f"{name}: {how}" for name, how in self.definition.items()]
        lines += [f"{name} by {identity}" for name, identity in self.scorers.items()]
        lines.append("Intervals are 95 % by bootstrap of sources; p by paired permutation of their signs.")
        if not self.published_scorers:
            lines.append("Not the suite's own scorers: compare only with figures made by the same ones.")
        return "\n".join(lines)


def differences_table(suite: str, differences: Sequence[Difference], caption: str) -> Table:
    """One row per contest and measure."""
    corrected = any(one.p_holm is not None for one in differences)
    rows: list[list[Cell]] = [
        [
            f"{one.system} - {one.against}",
            one.measure,
            f"{one.mean:.3f}",
            f"{one.mean_against:.3f}",
            signed(one.difference),
            p_text(one.p),
            *([p_text(one.p_holm)] if corrected else []),
            one.difference.n,
        ]
        for one in differences
    ]
    columns = ["systems", "measure", "first", "second", "difference", "p"]
    columns += [*(["p (Holm)"] if corrected else []), "n"]
    return Table(title=f"Paired differences, suite {suite}", columns=columns, rows=rows, caption=caption)


def votes_table(votes: Sequence[SideBySide], margin: float) -> Table:
    """One row per contest and kind of vote."""
    corrected = any(one.p_holm is not None for one in votes)
    rows: list[list[Cell]] = [
        [
            f"{one.system} against {one.against}",
            one.by,
            *(_percent(share) for share in (one.win, one.tie, one.loss, one.unparsed)),
            p_text(one.p),
            *([p_text(one.p_holm)] if corrected else []),
            one.win.n,
        ]
        for one in votes
    ]
    columns = ["systems", "by", "win %", "tie %", "loss %", "unparsed %", "p"]
    columns += [*(["p (Holm)"] if corrected else []), "n"]
    caption = f"Differences of a measure up to {margin:g} are ties; p by sign test, ties left out."
    return Table(title="Side by side", columns=columns, rows=rows, caption=caption)


def consistency_table(judge: JudgeReport) -> Table:
    """One row per contest: how steady the judge is."""
    rows: list[list[Cell]] = [
        [
            f"{one.system} against {one.against}",
            _percent(one.inconsistent),
            "-" if one.by_chance is None else f"{100 * one.by_chance:.1f}",
            _percent(one.first_position),
            one.identical,
            one.asked_again,
            one.unparsed,
            one.rows,
        ]
        for one in judge.contests
    ]
    columns = [
        "systems",
        "changed by order %",
        "by chance %",
        "first one named %",
        "same text",
        "asked again",
        "unparsed",
        "n",
    ]
    caption = (
        f"{judge.model}, prompt {judge.prompt_id}, every row in both orders. A side wins if it is "
        "named in both; what the order changes is a tie. There are two questions for every row."
    )
    return Table(title="The judge", columns=columns, rows=rows, caption="\n".join([caption, *judge.doubts]))


def pareto_table(standings: Sequence[Standing]) -> Table:
    """One row per system."""
    measures = list(standings[0].means)
    rows: list[list[Cell]] = [
        [
            one.system,
            *(str(one.means[name]) for name in measures),
            ", ".join(one.dominated_by) or "nobody",
            f"{one.front_share:.0%}",
            one.rows,
        ]
        for one in standings
    ]
    columns = ["system", *measures, "dominated by", "on the front", "rows"]
    caption = (
        "On the front: in this share of bootstrap draws no other system is as good in all and better in one."
    )
    return Table(title="Pareto front", columns=columns, rows=rows, caption=caption)


def p_text(p: float | None) -> str:
    """A p value with the digits that matter."""
    if p is None:
        return "-"
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def signed(estimate: Estimate) -> str:
    """A difference with its interval, always with a sign."""
    return estimate.written("+.3f")


def _percent(share: Estimate | None) -> str:
    if share is None:
        return "-"
    return share.written(".1f", 100)
