"""What ``probe intervene`` reports, as data and as tables."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.eval_compare.result import p_text
from detox_cli.services.negate.result import Candidate
from detox_cli.services.noted import NotedResult
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.statistics.bootstrap import Estimate

AUDIT = "AUDIT, strengthened on purpose"
LANGUAGE = "in_language"


class Step(BaseModel):
    """A dose, measured; on the chosen ones or on a random set."""

    model_config = ConfigDict(frozen=True)

    dose: float | None = Field(description="null for the model as it is.")
    random: int | None = Field(description="Which random set, from 1; null for the chosen ones.")
    strengthens: bool = Field(description="Whether this can make the chosen ones stronger.")
    measured: Candidate

    @property
    def label(self) -> str:
        """For tables."""
        if self.dose is None:
            return "as it is"
        return f"{self.dose:g}" if self.random is None else f"{self.dose:g}, random {self.random}"


class Chance(BaseModel):
    """What random sets do at one dose: means over sets, which are drawn for the intervals; n counts them."""

    model_config = ConfigDict(frozen=True)

    dose: float
    toxicity: Estimate
    change: Estimate = Field(description="Of toxicity, from the model as it is.")
    increase: Estimate = Field(description="Of perplexity, in points.")
    p: float = Field(
        description="Share of sets that change toxicity as much as the chosen, (1 + k) / (1 + n)."
    )


class Baked(BaseModel):
    """A model that was written with its coefficients changed."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    tensors: dict[str, int] = Field(description="How many value vectors of each tensor were changed.")
    gap: float = Field(
        description="Largest difference of a logit from the model that was measured, of their spread."
    )


class ProbeInterveneResult(NotedResult):
    """An intervention, dose by dose, beside random ones."""

    model: str
    op: str
    what: str = Field(description="What was changed, in words.")
    positions: str
    neurons: list[tuple[int, int]] = Field(default=[], description="The chosen ones, layer and number.")
    audit: bool = Field(description="Whether anything was strengthened on purpose.")
    figure: str = Field(description="The figure of toxicity.")
    prompts: str
    samples: int
    protocol: str
    text: str = Field(description="What perplexity was measured on.")
    scorers: dict[str, str]
    stream: tuple[float, float] | None = Field(
        default=None,
        description="The stream's mean length where a direction is changed, and its deviation along it.",
    )
    steps: list[Step]
    by_chance: list[Chance] = Field(default=[], description="The random sets together, dose by dose.")
    baked: Baked | None = None

    def tables(self) -> list[Table]:
        """The doses, and the random sets beside them: each one, and all together."""
        return [*self.noted(), self._doses(), *([self._chance()] if self.by_chance else [])]

    def headline(self) -> str:
        """Toxicity and perplexity at every dose."""
        return "\n".join(
            f"{one.label}\t{one.measured.toxicity.mean:.4f}\t{one.measured.perplexity.mean:.2f}"
            for one in self.steps
            if one.random is None
        )

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """What a baked model is for."""
        if self.baked is None:
            return []
        return [f"detox eval generation {self.baked.folder} --prompts {rows.prompts} -o measured"]

    def _doses(self) -> Table:
        told = any(LANGUAGE in one.measured.figures for one in self.steps)
        rows: list[list[Cell]] = []
        for one in self.steps:
            at = one.measured
            rows.append(
                [
                    f"{one.label} {AUDIT}" if one.strengthens and one.random is None else one.label,
                    str(at.toxicity),
                    _signed(at.change),
                    "-" if at.p is None else p_text(at.p),
                    at.perplexity.written(".2f"),
                    _signed(at.increase),
                    *([str(at.figures.get(LANGUAGE, "-"))] if told else []),
                ]
            )
        columns = ["dose", self.figure, "change", "p (Holm)", "perplexity", "increase"]
        columns += ["in the prompt's language"] if told else []
        title = f"{self.op} on {self.what} of {self.model}"
        title = f"{AUDIT}: {title}" if self.audit else title
        return Table(title=title, columns=columns, rows=rows, caption=self._caption())

    def _chance(self) -> Table:
        chosen = {one.dose: one.measured for one in self.steps if one.random is None}
        rows: list[list[Cell]] = []
        for one in self.by_chance:
            own = chosen[one.dose]
            rows.append(
                [
                    f"{one.dose:g}",
                    _signed(own.change),
                    _signed(one.change),
                    one.p,
                    _signed(own.increase),
                    _signed(one.increase),
                    one.change.n,
                ]
            )
        columns = ["dose", "change, chosen", "by chance", "p", "perplexity, chosen", "by chance", "sets"]
        caption = (
            "By chance: the mean over random sets, with its 95 % interval over these; p: share of sets that "
            "change toxicity as much, (1 + k) / (1 + n)."
        )
        return Table(title="Beside chance", columns=columns, rows=rows, caption=caption)

    def _caption(self) -> str:
        first = self.steps[0].measured
        lines = [
            f"{first.toxicity.n} prompts of {self.prompts}, {self.samples} continuations each, protocol "
            f"{self.protocol}, changed at {self.positions} tokens; perplexity on {self.text}, "
            f"{first.perplexity.n} windows, changed at all.",
            "Intervals are 95 %, by bootstrap over prompts and windows; changes are paired with no change.",
        ]
        if self.stream is not None:
            lines.append(
                f"The stream is {self.stream[0]:.4g} long there, and varies by {self.stream[1]:.3g} along "
                "the direction (standard deviation over the text): compare doses with that."
            )
        if any(one.random for one in self.steps):
            lines.append("Random: as many of the same layers, about as long, changed by the same dose.")
        if self.baked is not None:
            count = sum(self.baked.tensors.values())
            lines.append(
                f"Written to {self.baked.folder}: {count} value vectors changed; its logits differ from what "
                f"was measured by at most {self.baked.gap:.1e} of their spread."
            )
        return "\n".join(lines)


def _signed(one: Estimate | None) -> str:
    return "-" if one is None else one.written("+.3f")
