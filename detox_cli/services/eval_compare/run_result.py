"""What ``eval compare`` reports of runs of ``eval generation``, as data and as tables."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.eval_compare.result import p_text, signed
from detox_cli.services.figure_rows import FigureRow, figure_rows
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

ALL = "all"
"""The group of all prompts."""


class SystemRow(BaseModel):
    """A system: what it is, what it cost, and its figures."""

    model_config = ConfigDict(frozen=True)

    system: str
    model: str = Field(description="What wrote; empty if the run does not say.")
    method: str = Field(description="The command that made the model, as its own manifest says; else empty.")
    made_seconds: float | None = Field(description="How long that took.")
    written_seconds: float | None = Field(description="How long it took to write the continuations.")
    prompts: int
    samples: int = Field(description="Continuations.")
    figures: dict[str, Estimate] = Field(
        description="By name; n counts units. What was measured of the model itself as well."
    )


class FigureDifference(BaseModel):
    """A system against another one in one figure."""

    model_config = ConfigDict(frozen=True)

    system: str
    against: str
    group: str = Field(default=ALL, description="Of which prompts: all, a language, toxic or nontoxic.")
    figure: str
    mean: float
    mean_against: float
    difference: Estimate = Field(description="The system's minus the other's; n counts units.")
    relative: float | None = Field(
        description="The same as a share of the other's; null if the interval of that reaches 0."
    )
    p: float = Field(description="Two-sided, permutation of the systems within units.")
    p_holm: float | None = Field(default=None, description="The same, corrected for the number of contests.")
    effect: float | None = Field(description="Cohen's d of pairs; null if all units differ by the same.")
    better: float | None = Field(
        description="Share of units on which the system's value is lower, ties half."
    )


class MacroDifference(BaseModel):
    """A system against another one in the mean over languages, each counting the same."""

    model_config = ConfigDict(frozen=True)

    system: str
    against: str
    figure: str
    mean: float
    mean_against: float
    difference: Estimate = Field(description="The system's minus the other's; n counts prompts.")


class FrontStanding(BaseModel):
    """A system on the plane of toxicity and perplexity."""

    model_config = ConfigDict(frozen=True)

    system: str
    toxicity: Estimate
    perplexity: Estimate
    dominated_by: list[str] = Field(description="Systems as low in both and lower in one.")
    front_share: float = Field(description="Share of bootstrap draws in which no system dominates it.")


class Front(BaseModel):
    """Who is not beaten in both, by one scorer."""

    model_config = ConfigDict(frozen=True)

    figure: str = Field(description="The figure of toxicity.")
    systems: list[FrontStanding]


class Order(BaseModel):
    """Two systems, and whether all scorers put them in the same order."""

    model_config = ConfigDict(frozen=True)

    less_toxic: str
    more_toxic: str
    scorers: int = Field(description="How many scorers say so.")
    of: int = Field(description="How many there are.")
    share: float = Field(description="Share of bootstrap draws in which all of them say so.")


class RunCompareResult(Result):
    """Systems that continue prompts, against each other."""

    systems: list[SystemRow]
    scorers: dict[str, str] = Field(description="The identity of everything that measures.")
    ks: list[int]
    threshold: float = Field(description="From which score on a continuation is toxic.")
    units: int = Field(description="Prompts; translations of one prompt count once.")
    differences: list[FigureDifference]
    by_language: list[FigureDifference] = Field(default=[], description="Where there are several languages.")
    by_stratum: list[FigureDifference] = Field(default=[], description="Toxic and other prompts.")
    macro: list[MacroDifference] = Field(default=[], description="The mean over languages.")
    fronts: list[Front]
    order: list[Order] = Field(description="Of each pair of systems.")
    notes: list[str] = Field(default=[], description="Figures that do not compare, and why.")
    missed: list[str] = Field(default=[], description="Limits of --fail-if that are not met.")

    def tables(self) -> list[Table]:
        """One row per system; then differences, fronts, and the order that the scorers agree on."""
        found = [_systems(self.systems, self._caption())]
        found.append(_differences("Paired differences", self.differences))
        if self.by_stratum:
            found.append(_differences("Paired differences by prompt toxicity", self.by_stratum))
        if self.by_language:
            found.append(_differences("Paired differences by language", self.by_language))
        if self.macro:
            found.append(_macro(self.macro))
        found += [_front(front) for front in self.fronts]
        if self.order:
            found.append(_order(self.order))
        return found

    def headline(self) -> str:
        """The differences."""
        return "\n".join(
            f"{one.system}\t{one.against}\t{one.figure}\t{one.difference.mean:+.4f}\t{p_text(one.p)}"
            for one in self.differences
        )

    def rows(self) -> Iterator[FigureRow]:
        """Every figure of every system and every difference, one a row."""
        for one in self.systems:
            yield from figure_rows(one.system, one.figures)
        for each in (*self.differences, *self.by_stratum, *self.by_language):
            pair = f"{each.system} - {each.against}"
            group = pair if each.group == ALL else f"{pair} in {each.group}"
            yield from figure_rows(group, {each.figure: each.difference}, difference=True)
        for macro in self.macro:
            group = f"{macro.system} - {macro.against} in mean"
            yield from figure_rows(group, {macro.figure: macro.difference}, difference=True)

    def problem(self) -> DetoxError | None:
        """The limits that are not met."""
        return QualityLimit("; ".join(self.missed)) if self.missed else None

    def _caption(self) -> str:
        lines = [f"{name}: {identity}" for name, identity in self.scorers.items()]
        lines += self.notes
        lines.append(f"Toxic from {self.threshold:g} on; {self.units} prompts, the same for all.")
        lines.append("Intervals are 95 % by bootstrap over prompts, translations of one together.")
        return "\n".join(lines)


def _systems(systems: Sequence[SystemRow], caption: str) -> Table:
    names = list(dict.fromkeys(name for one in systems for name in one.figures))
    rows: list[list[Cell]] = [
        [
            one.system,
            one.method or "-",
            _seconds(one.made_seconds),
            _seconds(one.written_seconds),
            *(_shown(one.figures.get(name)) for name in names),
            one.samples,
        ]
        for one in systems
    ]
    columns = ["system", "made by", "made in s", "written in s", *names, "continuations"]
    return Table(title="Systems", columns=columns, rows=rows, caption=caption)


def _differences(title: str, differences: Sequence[FigureDifference]) -> Table:
    corrected = any(one.p_holm is not None for one in differences)
    grouped = any(one.group != ALL for one in differences)
    rows: list[list[Cell]] = [
        [
            f"{one.system} - {one.against}",
            *([one.group] if grouped else []),
            one.figure,
            signed(one.difference),
            "-" if one.relative is None else f"{one.relative:+.0%}",
            p_text(one.p),
            *([p_text(one.p_holm)] if corrected else []),
            "-" if one.effect is None else f"{one.effect:+.2f}",
            "-" if one.better is None else f"{one.better:.0%}",
            one.difference.n,
        ]
        for one in differences
    ]
    columns = ["systems", *(["prompts"] if grouped else []), "figure", "difference", "relative", "p"]
    columns += [*(["p (Holm)"] if corrected else []), "effect d", "lower on", "n"]
    caption = (
        "relative: of the second one's figure, if its interval does not reach 0. p: permutation of the\n"
        "systems within prompts. effect d: the difference in standard deviations of the prompts'\n"
        "differences. lower on: share of prompts where the first one is lower, ties half."
    )
    return Table(title=title, columns=columns, rows=rows, caption=caption)


def _macro(differences: Sequence[MacroDifference]) -> Table:
    rows: list[list[Cell]] = [
        [
            f"{one.system} - {one.against}",
            one.figure,
            f"{one.mean:.3f}",
            f"{one.mean_against:.3f}",
            signed(one.difference),
            one.difference.n,
        ]
        for one in differences
    ]
    columns = ["systems", "figure", "the first", "the second", "difference", "n"]
    caption = "Every language counts the same; translations of a sentence are drawn together."
    return Table(title="Differences in the mean over languages", columns=columns, rows=rows, caption=caption)


def _front(front: Front) -> Table:
    rows: list[list[Cell]] = [
        [
            one.system,
            _shown(one.toxicity),
            _shown(one.perplexity),
            ", ".join(one.dominated_by) or "nobody",
            f"{one.front_share:.0%}",
        ]
        for one in front.systems
    ]
    columns = ["system", front.figure, "perplexity", "dominated by", "on the front"]
    caption = (
        "On the front: in this share of bootstrap draws no other system is as low in both and lower in one."
    )
    return Table(title="Toxicity against perplexity", columns=columns, rows=rows, caption=caption)


def _order(order: Sequence[Order]) -> Table:
    rows: list[list[Cell]] = [
        [one.less_toxic, one.more_toxic, f"{one.scorers} of {one.of}", f"{one.share:.0%}"] for one in order
    ]
    columns = ["less toxic", "than", "scorers who say so", "all say so in"]
    caption = "All say so in: share of bootstrap draws of prompts in which every scorer has this order."
    return Table(title="Who is less toxic", columns=columns, rows=rows, caption=caption)


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    if estimate.mean < 100:
        return str(estimate)
    return estimate.written(".1f")


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f}"
