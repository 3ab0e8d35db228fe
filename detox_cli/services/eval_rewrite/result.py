"""What ``eval rewrite`` reports, as data and as tables."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.figure_rows import FigureRow, figure_rows, figures_in
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

MEASURES = ("STA", "SIM", "FL", "J_mean_of_products", "J_product_of_means")


class SystemScores(BaseModel):
    """One system's scores, of all its rows or of those in one language."""

    model_config = ConfigDict(frozen=True)

    system: str
    baseline: bool
    lang: str | None = Field(description="Of these rows only; null for all rows.")
    n: int
    STA: Estimate = Field(description="Style: how non-toxic the outputs are, as the suite defines it.")
    SIM: Estimate = Field(description="How much of the content is kept.")
    FL: Estimate = Field(description="How fluent the outputs are.")
    J_mean_of_products: Estimate = Field(description="Mean of STA x SIM x FL of each row.")
    J_product_of_means: Estimate = Field(description="Mean STA x mean SIM x mean FL.")
    less_toxic: Estimate = Field(description="Share of outputs that are less toxic than their source.")
    as_reference: Estimate | None = Field(description="Share no more toxic than one of their references.")
    chrf_source: Estimate = Field(description="chrF of output and source, 0 to 100.")
    chrf_reference: Estimate | None = Field(description="chrF of output and its nearest reference, 0 to 100.")
    copies: Estimate = Field(description="Share of outputs that repeat the source.")
    refusals: Estimate = Field(description="Share of outputs that decline the task; scored as they are.")
    empties: Estimate = Field(description="Share of empty outputs; they score 0.")
    abstentions: Estimate = Field(
        description="Share of sources that a system declined by its own word for that; they score 0."
    )
    residue: Estimate = Field(description="Share of outputs with a word of the lexicon.")
    flagged: int = Field(description="Rows whose own columns say that they were dropped.")


class Difference(BaseModel):
    """The paired difference of two systems on the rows that both have."""

    model_config = ConfigDict(frozen=True)

    system: str
    minus: str
    n: int
    STA: Estimate
    SIM: Estimate
    FL: Estimate
    J_mean_of_products: Estimate


class LanguageMean(BaseModel):
    """One system's mean over languages, each of which counts the same."""

    model_config = ConfigDict(frozen=True)

    system: str
    languages: int
    STA: Estimate
    SIM: Estimate
    FL: Estimate
    J_mean_of_products: Estimate


class EvalRewriteResult(Result):
    """The scores of all systems and baselines."""

    suite: str
    edition: str = Field(description="Of the suite; figures of two editions do not compare.")
    definition: dict[str, str] = Field(description="How the suite defines each measure.")
    scorers: dict[str, str] = Field(description="The identity of each scorer.")
    published_scorers: bool = Field(description="Whether every scorer is the suite's own.")
    references_joined_by: str | None = Field(description="How a references file was joined to the rows.")
    cut: dict[str, int] = Field(description="Texts or pairs longer than a scorer reads, by measure.")
    unread: dict[str, dict[str, int]] = Field(
        description="Rows by language that a scorer does not read, by measure."
    )
    rejects: int = Field(description="Rows that could not be read.")
    systems: list[SystemScores]
    languages: list[SystemScores] = Field(description="The same by language, where there are several.")
    language_means: list[LanguageMean] = Field(
        description="The mean over languages, where there are several."
    )
    differences: list[Difference]
    missed: list[str] = Field(default=[], description="Quality limits that are not met.")

    def tables(self) -> list[Table]:
        """The scores, then the rates, the languages and the differences."""
        edition = f", edition {self.edition}" if self.edition else ""
        title = f"Suite {self.suite}{edition}: STA x SIM x FL"
        shown = [scores_table(title, self.systems, self._caption()), rates_table(self.systems)]
        if self.languages:
            shown.append(scores_table("By language", self.languages, ""))
        if self.language_means:
            shown.append(means_table(self.language_means))
        if self.differences:
            shown.append(differences_table(self.differences))
        return shown

    def headline(self) -> str:
        """The J of each system that is not a baseline."""
        own = [scores for scores in self.systems if not scores.baseline]
        return "\n".join(f"{s.system}\tJ_mean_of_products\t{s.J_mean_of_products.mean:.4f}" for s in own)

    def rows(self) -> Iterator[FigureRow]:
        """Every figure of every system, also by language, and every difference, one a row."""
        for scores in self.systems:
            yield from figure_rows(scores.system, figures_in(scores))
        for scores in self.languages:
            yield from figure_rows(f"{scores.system} in {scores.lang}", figures_in(scores))
        for mean in self.language_means:
            yield from figure_rows(f"{mean.system} in mean", figures_in(mean))
        for one in self.differences:
            yield from figure_rows(f"{one.system} - {one.minus}", figures_in(one), difference=True)

    def problem(self) -> DetoxError | None:
        """The quality limits that are not met."""
        return QualityLimit("; ".join(self.missed)) if self.missed else None

    def _caption(self) -> str:
        lines = [f"{name}: {how}" for name, how in self.definition.items()]
        lines += [f"{name} by {identity}" for name, identity in self.scorers.items()]
        lines.append("Intervals are 95 % by bootstrap.")
        for measure, rows in self.unread.items():
            listed = ", ".join(f"{n} in {lang}" for lang, n in rows.items())
            lines.append(f"{measure} and J mean nothing for rows that its scorer does not read: {listed}.")
        if not self.published_scorers:
            lines.append("Not the suite's own scorers: compare only with figures made by the same ones.")
        return "\n".join(lines)


def scores_table(title: str, systems: Sequence[SystemScores], caption: str) -> Table:
    """One row per system: STA, SIM, FL, both kinds of J."""
    by_language = any(scores.lang for scores in systems)
    rows: list[list[Cell]] = [
        [
            *([scores.lang] if by_language else []),
            scores.system,
            *(_short(estimate) for estimate in (scores.STA, scores.SIM, scores.FL)),
            str(scores.J_mean_of_products),
            _short(scores.J_product_of_means),
            scores.n,
        ]
        for scores in systems
    ]
    columns = ["system", "STA", "SIM", "FL", "J_mean_of_products", "J_product_of_means", "n"]
    return Table(
        title=title, columns=[*(["lang"] if by_language else []), *columns], rows=rows, caption=caption
    )


def means_table(means: Sequence[LanguageMean]) -> Table:
    """One row per system: the mean over languages."""
    rows: list[list[Cell]] = [
        [
            one.system,
            one.languages,
            *(_short(estimate) for estimate in (one.STA, one.SIM, one.FL)),
            str(one.J_mean_of_products),
        ]
        for one in means
    ]
    columns = ["system", "languages", "STA", "SIM", "FL", "J_mean_of_products"]
    return Table(title="Mean over languages", columns=columns, rows=rows)


def rates_table(systems: Sequence[SystemScores]) -> Table:
    """One row per system: what can be seen without a model."""
    rows: list[list[Cell]] = [
        [
            scores.system,
            f"{scores.less_toxic.mean:.1%}",
            None if scores.as_reference is None else f"{scores.as_reference.mean:.1%}",
            *(_count(share) for share in (scores.copies, scores.refusals, scores.empties)),
            _count(scores.abstentions),
            _count(scores.residue),
            scores.flagged,
            round(scores.chrf_source.mean, 1),
            None if scores.chrf_reference is None else round(scores.chrf_reference.mean, 1),
        ]
        for scores in systems
    ]
    columns = [
        "system",
        "less toxic than source",
        "no more than reference",
        "copies",
        "refusals",
        "empties",
        "abstentions",
        "listed words",
        "flagged",
        "chrF to source",
        "chrF to reference",
    ]
    return Table(title="Outputs", columns=columns, rows=rows)


def differences_table(differences: Sequence[Difference]) -> Table:
    """One row per pair of systems; an interval without 0 is marked."""
    rows: list[list[Cell]] = [
        [
            f"{difference.system} - {difference.minus}",
            *(_signed(getattr(difference, name)) for name in ("STA", "SIM", "FL", "J_mean_of_products")),
            difference.n,
        ]
        for difference in differences
    ]
    return Table(
        title="Paired differences",
        columns=["systems", "STA", "SIM", "FL", "J_mean_of_products", "n"],
        rows=rows,
        caption="* the 95 % interval does not hold 0",
    )


def _short(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f}"


def _count(share: Estimate) -> str:
    return f"{round(share.mean * share.n)} ({share.mean:.1%})"


def _signed(estimate: Estimate) -> str:
    mark = " *" if estimate.excludes(0) else ""
    return estimate.written("+.3f") + mark
