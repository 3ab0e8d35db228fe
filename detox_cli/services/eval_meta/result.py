"""What ``eval rewrite --meta`` reports, as data and as tables."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.eval_meta.official import Official
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

COLUMNS = (
    "lang",
    "systems",
    "sources",
    "Spearman",
    "ceiling",
    "Kendall",
    "pairs",
    "rows",
    "official Spearman",
    "official Kendall",
    "official pairs",
)


class Component(BaseModel):
    """One factor of J against what people said of the same thing."""

    model_config = ConfigDict(frozen=True)

    systems: Estimate | None = Field(description="Spearman of systems' means; null if a side does not vary.")
    rows: Estimate | None = Field(description="Spearman of rows; null if a side does not vary.")


class LanguageAgreement(BaseModel):
    """How far the suite agrees with people in one language."""

    model_config = ConfigDict(frozen=True)

    lang: str
    systems: int
    sources: int
    rows: int = Field(description="Rated outputs.")
    spearman: Estimate = Field(description="Of the systems' J with their human J.")
    kendall: Estimate = Field(description="The same by Kendall's tau-b.")
    pairs: Estimate = Field(description="Share of pairs, .10 or more apart for people, in the same order.")
    segment: Estimate = Field(description="Spearman of rows: J with the product of the human scores.")
    ceiling: float = Field(description="Split-half reliability of the human J, Spearman-Brown.")
    chosen: str = Field(description="The system that J puts first.")
    regret: float = Field(description="How far its human J is below the best human J.")
    components: dict[str, Component] = Field(description="STA, SIM and FL with their human counterparts.")
    official: Official | None = Field(description="The official metric on the published results.")


class MeanAgreement(BaseModel):
    """The mean over languages."""

    model_config = ConfigDict(frozen=True)

    languages: list[str]
    spearman: Estimate
    kendall: Estimate
    pairs: Estimate
    segment: Estimate
    ceiling: float


class EvalMetaResult(Result):
    """Agreement of a suite with people, per language."""

    suite: str
    edition: str
    definition: dict[str, str] = Field(description="How the suite defines each measure.")
    scorers: dict[str, str] = Field(description="The identity of each scorer.")
    reads: dict[str, list[str] | None] = Field(description="The languages of each scorer; null if not said.")
    left_out: list[str] = Field(description="Languages of the ratings that a scorer does not read.")
    rejects: int = Field(description="Ratings that could not be read.")
    languages: list[LanguageAgreement]
    mean: MeanAgreement

    def tables(self) -> list[Table]:
        """The agreement of J, then that of its factors."""
        title = (
            f"Suite {self.suite}{', edition ' + self.edition if self.edition else ''}: agreement with people"
        )
        rows = [_row(one) for one in self.languages]
        if len(self.languages) > 1:
            rows.append(_mean_row(self.mean))
        table = Table(title=title, columns=COLUMNS, rows=rows, caption=self._caption())
        return [table, _components(self.languages)]

    def headline(self) -> str:
        """The mean correlation."""
        return f"{self.suite}\tmean Spearman of systems\t{self.mean.spearman.mean:.4f}"

    def _caption(self) -> str:
        lines = [
            "J_mean_of_products of each system against the product of its mean human scores.",
            "pairs: of systems that people hold .10 or more apart, in the same order. rows: Spearman of rows",
            "ceiling: split-half reliability (Spearman-Brown) of the human scores of these sources.",
            "official: the metric of CLEF 2024 on its published results of 600 items, human scores of 100.",
            "Intervals are 95 %, by bootstrap over sources and systems.",
        ]
        lines += [f"{name}: {how}" for name, how in self.definition.items()]
        lines += [f"{name} by {identity}" for name, identity in self.scorers.items()]
        if self.left_out:
            lines.append(f"Left out, as a scorer does not read them: {', '.join(self.left_out)}.")
        if unknown := [name for name, langs in self.reads.items() if langs is None]:
            lines.append(f"Nothing says which languages the scorer of {', '.join(unknown)} reads.")
        return "\n".join(lines)


def _row(one: LanguageAgreement) -> list[Cell]:
    official = one.official
    published: list[Cell] = [None, None, None]
    if official:
        published = [official.spearman, official.kendall, official.pairs]
    return [
        one.lang,
        one.systems,
        one.sources,
        str(one.spearman),
        round(one.ceiling, 3),
        f"{one.kendall.mean:.3f}",
        str(one.pairs),
        str(one.segment),
        *published,
    ]


def _mean_row(mean: MeanAgreement) -> list[Cell]:
    figures: list[Cell] = [
        str(mean.spearman),
        round(mean.ceiling, 3),
        f"{mean.kendall.mean:.3f}",
        str(mean.pairs),
    ]
    return ["mean", None, None, *figures, str(mean.segment), None, None, None]


def _components(languages: Sequence[LanguageAgreement]) -> Table:
    counterparts = {"STA": "toxicity", "SIM": "content", "FL": "fluency"}
    rows: list[list[Cell]] = [
        [one.lang, name, counterparts[name], _shown(part.systems), _shown(part.rows)]
        for one in languages
        for name, part in one.components.items()
    ]
    return Table(
        title="Factors against what people said of them",
        columns=["lang", "factor", "people", "Spearman of systems", "Spearman of rows"],
        rows=rows,
    )


def _shown(estimate: Estimate | None) -> str:
    return "does not vary" if estimate is None else str(estimate)
