"""What ``detox eval generation`` reports."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.eval_generation.chain_figures import CHAINS, DETOXIFIED, REPHRASED
from detox_cli.services.figure_rows import FigureRow, figure_rows
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

RATES = ("empties", "copies", "refusals", "in_language", "repetition")
DIVERSITY = ("dist_1", "dist_2", "dist_3", "legacy_dist_1", "legacy_dist_2", "legacy_dist_3", "self_bleu")
FLUENCY = (
    "perplexity",
    "perplexity_median",
    "perplexity_mean",
    "legacy_perplexity_median",
    "legacy_perplexity_mean",
    DETOXIFIED,
)


OWN = {
    "text_perplexity": "text_perplexity: exp of nats per token on the text; n counts windows.",
    "kl": "kl: KL(model || base), nats per token of the model's own continuations; n counts benign prompts.",
    "f1": "f1: shared tokens of the continuation written and the one given (Lee et al. 2024); n counts rows.",
    "f1_legacy": "f1_legacy: the same with the prompt before what was written, as in the authors' script.",
}
"""What the figures of the model itself are."""
ALL, MEAN = "all", "mean"
"""What the group of all prompts is called, and the mean over languages."""


class GroupFigures(BaseModel):
    """The figures of some prompts."""

    model_config = ConfigDict(frozen=True)

    lang: str | None = Field(description="Their language; null for all.")
    stratum: str | None = Field(description="toxic or nontoxic prompts; null for all.")
    prompts: int = Field(description="Prompts, with and without continuations.")
    samples: int = Field(description="Continuations.")
    figures: dict[str, Estimate] = Field(
        description="By name, each with its interval; n counts prompts, of quartiles continuations."
    )
    spreads: dict[str, float] = Field(description="Standard deviations, as the papers print them.")

    @property
    def label(self) -> str:
        """``all``, ``de``, ``toxic`` or ``de toxic``."""
        return " ".join(part for part in (self.lang, self.stratum) if part) or ALL


class EvalGenerationResult(Result):
    """What was measured, by what, and of how much."""

    version: int = Field(1, description="Of the form of this document.")
    protocol: str = Field(description="Whose way of drawing and counting.")
    source: str = Field(description="Where the protocol's numbers come from.")
    model: dict[str, str] = Field(description="What wrote the continuations, as far as it is known.")
    scorers: dict[str, str] = Field(description="The identity of everything that measures.")
    ks: list[int] = Field(description="Of how many continuations the largest toxicity is expected.")
    threshold: str = Field(description="When a continuation is toxic.")
    prompts: int = Field(description="Prompts.")
    samples: int = Field(description="Continuations.")
    unanswered: list[str] = Field(description="Ids of prompts without continuations.")
    repeated: int = Field(description="Prompts that stood in a flat file more than once.")
    unscored: dict[str, int] = Field(description="Continuations without a score, by scorer.")
    unread: dict[str, list[str]] = Field(description="Languages that a scorer does not read, by scorer.")
    too_few: dict[str, int] = Field(description="Prompts with fewer scored continuations than k, by figure.")
    rejects: int = Field(description="Rows that could not be used.")
    groups: list[GroupFigures] = Field(description="All prompts first, then strata and languages.")
    macro: dict[str, Estimate] = Field(description="The mean over languages, each counting the same.")
    macro_strata: dict[str, dict[str, Estimate]] = Field(
        {}, description="The same of toxic prompts alone, and of the others."
    )
    own: dict[str, Estimate] = Field(
        {},
        description="What was measured of the model itself: text_perplexity (n counts windows), kl, f1, "
        "f1_legacy, TASK/METRIC.",
    )
    missed: list[str] = Field([], description="Limits of --fail-if that are not met.")
    seconds_per_sample: float | None = Field(
        None, exclude=True, description="What writing a continuation took, on this machine and this time."
    )

    def rows(self) -> Iterator[FigureRow]:
        """Every figure of every group, one a row."""
        for group in self.groups:
            yield from figure_rows(group.label, group.figures)
        for group in self._means():
            yield from figure_rows(group.label, group.figures)
        yield from figure_rows(ALL, self.own)

    def problem(self) -> DetoxError | None:
        """The limits that are not met."""
        return QualityLimit("; ".join(self.missed)) if self.missed else None

    def tables(self) -> list[Table]:
        """Toxicity, then fluency and diversity; languages have tables of their own."""
        top = [group for group in self.groups if group.lang is None]
        shown = [self._toxicity(f"Toxicity, protocol {self.protocol}", top, self._caption())]
        shown.append(_others("Fluency, diversity and rates", top))
        if "malformed" in top[0].figures:
            shown.append(_chains(top, self.seconds_per_sample))
        if any(name in group.figures for name in REPHRASED for group in top):
            shown.append(_rephrased(top))
        languages = [group for group in self.groups if group.lang is not None and group.stratum is None]
        if languages:
            means = self._means()
            shown.append(self._toxicity("Toxicity by language", [*languages, *means], ""))
            shown.append(_others("Fluency, diversity and rates by language", [*languages, *means[:1]]))
        if self.own:
            shown.append(_own(self.own))
        return shown

    def _means(self) -> list[GroupFigures]:
        """The mean over languages as groups: of all prompts, and of each stratum; none without languages."""
        found: list[tuple[str | None, dict[str, Estimate]]] = [(None, self.macro)] if self.macro else []
        return [
            GroupFigures(
                lang=MEAN,
                stratum=stratum,
                prompts=sum(g.prompts for g in self.groups if g.lang and g.stratum == stratum),
                samples=sum(g.samples for g in self.groups if g.lang and g.stratum == stratum),
                figures=figures,
                spreads={},
            )
            for stratum, figures in [*found, *self.macro_strata.items()]
        ]

    def headline(self) -> str:
        """The expected maximum toxicity by each scorer, of all prompts or the mean over languages."""
        found = self.macro or (self.groups[0].figures if self.groups else {})
        k = max(self.ks, default=0)
        lines = [
            f"{name}\t{one.mean:.4f}" for name, one in found.items() if name.endswith(f"expected_maximum@{k}")
        ]
        return "\n".join(lines) or super().headline()

    def _toxicity(self, title: str, groups: Sequence[GroupFigures], caption: str) -> Table:
        names = _scorers(groups)
        columns = ["prompts", "scorer"]
        for k in self.ks:
            columns += [f"expected max@{k}", f"P(toxic)@{k}"]
        rows: list[list[Cell]] = []
        for group in groups:
            for name in names:
                row: list[Cell] = [group.label, name]
                for k in self.ks:
                    row += [
                        _cell(group, f"{name}/{what}@{k}") for what in ("expected_maximum", "probability")
                    ]
                row += [_cell(group, f"{name}/{what}") for what in ("mean", "share", "clean")]
                found = group.figures.get(f"{name}/mean")
                rows.append([*row, found.n if found else 0])
        return Table(
            title=title,
            columns=[*columns, "mean", "toxic share", "clean share", "n"],
            rows=rows,
            caption=caption,
        )

    def _caption(self) -> str:
        lines = [self.source, f"A continuation is toxic if {self.threshold}."]
        lines.append(
            "clean: not toxic, not empty, no copy, not repetitive; with --language-id in its language."
        )
        lines += [f"{name}: {identity}" for name, identity in self.scorers.items()]
        if self.unanswered:
            lines.append(
                f"{len(self.unanswered)} prompts have no continuation, such as {self.unanswered[0]}."
            )
        lines += [f"{count} continuations have no score by {name}." for name, count in self.unscored.items()]
        lines += [
            f"{count} prompts have too few scored continuations for {name}."
            for name, count in self.too_few.items()
        ]
        if self.rejects:
            lines.append(f"{self.rejects} rows could not be used; see rejects.jsonl.")
        if self.repeated:
            lines.append(f"{self.repeated} prompts stood in the file more than once.")
        lines += [
            f"Scores by {name} mean nothing in {', '.join(langs)}." for name, langs in self.unread.items()
        ]
        lines.append("Intervals are 95 % by bootstrap over prompts, translations of one prompt together.")
        return "\n".join(lines)


def _scorers(groups: Sequence[GroupFigures]) -> list[str]:
    names = [name.rpartition("/")[0] for group in groups for name in group.figures if name.endswith("/mean")]
    return list(dict.fromkeys(names))


def _others(title: str, groups: Sequence[GroupFigures]) -> Table:
    """One row per group; columns that say nothing anywhere are left out."""
    names = [
        name for name in (*FLUENCY, *DIVERSITY, *RATES) if any(name in group.figures for group in groups)
    ]
    rows = [[group.label, *(_cell(group, name) for name in names), group.prompts] for group in groups]
    return Table(
        title=title, columns=["prompts", *(name.replace("_", " ") for name in names), "n"], rows=rows
    )


def _chains(groups: Sequence[GroupFigures], seconds: float | None) -> Table:
    names = (*CHAINS, "tokens")
    rows: list[list[Cell]] = [
        [group.label, *(_cell(group, name) for name in names), group.samples] for group in groups
    ]
    caption = (
        "malformed: no chain after all attempts, so without an answer. over masked: safe prompts found toxic."
    )
    if seconds is not None:
        caption += f" An answer took {seconds:.3g} seconds."
    columns = ["prompts", *(name.replace("_", " ") for name in names), "answers"]
    return Table(title="Chains", columns=columns, rows=rows, caption=caption)


def _rephrased(groups: Sequence[GroupFigures]) -> Table:
    rows: list[list[Cell]] = []
    for group in groups:
        told = next((group.figures[name] for name in REPHRASED if name in group.figures), None)
        rows.append([group.label, *(_cell(group, name) for name in REPHRASED), told.n if told else 0])
    caption = (
        "Prompts that chains rephrase, beside their originals; n counts these prompts. Edit distance: words "
        "and marks put in, taken out or replaced; edited: their share of the longer text."
    )
    columns = ["prompts", *(name.replace("_", " ") for name in REPHRASED), "n"]
    return Table(title="Rephrased prompts", columns=columns, rows=rows, caption=caption)


def _own(figures: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = [[name, _shown(one), one.n] for name, one in figures.items()]
    told = [text for name, text in OWN.items() if name in figures]
    return Table(
        title="The model itself", columns=["figure", "value", "n"], rows=rows, caption="\n".join(told)
    )


def _cell(group: GroupFigures, name: str) -> str | None:
    found = group.figures.get(name)
    return None if found is None else _shown(found)


def _shown(found: Estimate) -> str:
    return str(found) if found.mean < 100 else found.written(".1f")
