"""What ``negate`` reports: the task vectors, what merging them keeps, and the sweep over scales."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.eval_compare.result import p_text
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

MANY = 8
"""From more experts on their cosines are told as a range."""


class Vectors(BaseModel):
    """The experts' task vectors, and what was left of them; shares are of all parameters."""

    model_config = ConfigDict(frozen=True)

    experts: list[str]
    lengths: list[float] = Field(description="Of the task vectors.")
    cosines: list[list[float]]
    shrink: float | None = Field(
        description="The merged vector's squared length by the mean of the experts'; null at a scale of 0."
    )
    predicted: float = Field(description="The same for a mean, by the cosines: rho + (1 - rho) / N.")
    step: float = Field(description="The length of what was taken away, scale included.")
    parameters: int
    untouched: float = Field(description="Share that no expert changed.")
    unchanged: float = Field(description="Share that is stored as in the base, for whatever reason.")
    cancelled: float = Field(
        description="Of it: touched, and most experts alone would have changed what is stored."
    )
    rounded: float = Field(description="Of it: touched, and too small a step for the stored type anyway.")
    small: float = Field(
        description="Share that was touched and has merged to less than a tenth of the experts' mean size."
    )


class Orders(BaseModel):
    """What the other order of merging and negating would have given."""

    model_config = ConfigDict(frozen=True)

    other: str
    largest: float = Field(description="The largest difference between two numbers, before rounding.")
    stored: int = Field(description="How many numbers would be stored otherwise.")


class Candidate(BaseModel):
    """A scale, or a control, measured; differences are to the base, paired."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="0 is the base.")
    scale: float | None = Field(description="null for a control.")
    toxicity: Estimate = Field(description="By the figure that chooses; n counts prompts.")
    change: Estimate | None = Field(default=None, description="Of that figure; null for the base.")
    p: float | None = Field(default=None, description="Of the change, by permutation, corrected by Holm.")
    perplexity: Estimate = Field(description="Of the text; n counts windows.")
    increase: Estimate | None = Field(default=None, description="Of perplexity, in points.")
    within: bool = Field(description="Whether perplexity keeps the budget.")
    front_share: float | None = Field(
        default=None,
        description="Share of bootstrap draws in which no scale beats it in both; null for controls.",
    )
    chosen: bool = False
    figures: dict[str, Estimate] = Field(description="Everything that was measured.")


class Sweep(BaseModel):
    """Candidates measured in memory."""

    model_config = ConfigDict(frozen=True)

    figure: str = Field(description="The figure of toxicity that chooses.")
    rule: str
    budget: float | None = Field(description="The highest perplexity allowed; null for none.")
    allowed: str = Field(description="The budget as it was given.")
    text: str = Field(description="What perplexity was measured on.")
    prompts: int
    prompt_set: str = Field(description="Where they are from.")
    samples: int = Field(description="Continuations per prompt.")
    protocol: str
    scorers: dict[str, str]
    candidates: list[Candidate]

    @property
    def chosen(self) -> Candidate | None:
        """The one that is written."""
        return next((one for one in self.candidates if one.chosen), None)


class NegateResult(Result):
    """A model without what experts have learnt."""

    base: str
    method: str
    order: str
    scale: float | None = Field(description="What was written; null if no candidate kept the budget.")
    dtypes: list[str] = Field(default=[], description="Types of the written numbers.")
    bytes: int = Field(default=0, description="Of all files of weights.")
    vectors: Vectors | None = None
    orders: Orders | None = None
    sweep: Sweep | None = None

    def tables(self) -> list[Table]:
        """The sweep, the task vectors, what was written."""
        found = [sweep_table(self.sweep)] if self.sweep else []
        if self.vectors:
            found.append(_cosines(self.vectors))
        if self.scale is not None:
            found.append(self._written())
        return found

    def headline(self) -> str:
        """Where the model is."""
        return str(self.files[0]) if self.files else "nothing written"

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Measure it on other prompts."""
        return (
            [f"detox eval generation {self.files[0]} --prompts {rows.prompts} -o measured"]
            if self.files
            else []
        )

    def problem(self) -> DetoxError | None:
        """No candidate keeps the budget."""
        if self.scale is not None or self.sweep is None:
            return None
        tried = [one for one in self.sweep.candidates if one.scale]
        least = min(tried, key=lambda one: one.perplexity.mean)
        base = self.sweep.candidates[0].perplexity.mean
        message = (
            f"no scale keeps perplexity within {self.sweep.allowed} of {base:.3f}; the nearest is "
            f"{least.name} with {least.perplexity.mean:.3f}"
        )
        hint = (
            "nothing was written; measurements are kept, so another budget or further scales take less time"
        )
        return QualityLimit(message, where="--max-ppl-increase", hint=hint)

    def _written(self) -> Table:
        rows: list[list[Cell]] = [
            ["scale", self.scale],
            ["method", f"{self.method}, {self.order}"],
            ["size", f"{self.bytes / 1e6:,.1f} MB, {', '.join(self.dtypes)}"],
        ]
        if self.vectors and self.scale:
            rows += _kept(self.vectors)
        if not self.scale:
            rows.append(["stored as in the base", "everything: at a scale of 0 nothing is taken away"])
        if self.orders:
            apart = f"differs by at most {self.orders.largest:.2g}, in {self.orders.stored:,} stored numbers"
            rows.append([self.orders.other, apart])
        return Table(title="Negation", columns=["", "value"], rows=rows)


def sweep_table(sweep: Sweep) -> Table:
    """A row per candidate."""
    besides = [name for name in ("dist_2", "perplexity") if name in sweep.candidates[0].figures]
    rows: list[list[Cell]] = [
        [
            f"{one.name}{' *' if one.chosen else ''}",
            str(one.toxicity),
            _signed(one.change),
            "-" if one.p is None else p_text(one.p),
            str(one.perplexity),
            _signed(one.increase),
            "yes" if one.within else "no",
            "-" if one.front_share is None else f"{one.front_share:.0%}",
            *(str(one.figures[name]) if name in one.figures else "-" for name in besides),
        ]
        for one in sweep.candidates
    ]
    shown = {"perplexity": "perplexity of continuations"}
    columns = [
        "scale",
        sweep.figure,
        "change",
        "p (Holm)",
        "perplexity",
        "increase",
        "in budget",
        "on the front",
    ]
    columns += [shown.get(name, name) for name in besides]
    first = sweep.candidates[0]
    caption = (
        f"{first.toxicity.n} prompts of {sweep.prompt_set}, {sweep.samples} continuations each, protocol "
        f"{sweep.protocol}; "
        f"perplexity on {sweep.text}, {first.perplexity.n} windows.\nIntervals are 95 %, by bootstrap over "
        "prompts and over windows; changes are paired with the base (0).\n"
    )
    if sweep.chosen is not None:
        caption += f"* written, by the rule {sweep.rule}; budget {sweep.allowed}."
    else:
        caption += f"No scale is within the budget of {sweep.allowed}, so nothing was written."
    return Table(title="Sweep", columns=columns, rows=rows, caption=caption)


def _cosines(vectors: Vectors) -> Table:
    names = _short(vectors.experts)
    shrink = "-" if vectors.shrink is None else f"{vectors.shrink:.3f}"
    predicted = f"{vectors.predicted:.3f}"
    caption = (
        f"norm shrink {shrink}, predicted for a mean by the cosines {predicted}; 1 is alike, 1/N is noise"
    )
    if len(names) > MANY:
        off = [c for i, row in enumerate(vectors.cosines) for c in row[:i]]
        row: list[Cell] = [len(names), f"{min(off):.3f}", f"{sum(off) / len(off):.3f}", f"{max(off):.3f}"]
        columns = ["experts", "lowest cosine", "mean", "highest"]
        return Table(title="Task vectors", columns=columns, rows=[row], caption=caption)
    rows: list[list[Cell]] = [
        [name, f"{length:.4g}", *(f"{cosine:.3f}" for cosine in cosines)]
        for name, length, cosines in zip(names, vectors.lengths, vectors.cosines, strict=True)
    ]
    return Table(title="Task vectors", columns=["cosines", "length", *names], rows=rows, caption=caption)


def _kept(vectors: Vectors) -> list[list[Cell]]:
    split = (
        f"{vectors.unchanged:.1%} of {vectors.parameters:,}: untouched {vectors.untouched:.1%}, "
        f"cancelled {vectors.cancelled:.1%}, lost to rounding {vectors.rounded:.1%}"
    )
    return [
        ["length of the step", f"{vectors.step:.4g}"],
        ["stored as in the base", split],
        ["merged to under a tenth", f"{vectors.small:.1%}"],
    ]


def _short(names: Sequence[str]) -> list[str]:
    """The last parts of names, where they tell them apart."""
    last = [name.rstrip("/").rpartition("/")[2] for name in names]
    return last if len(set(last)) == len(last) else list(names)


def _signed(one: Estimate | None) -> str:
    return "-" if one is None else one.written("+.3f")
