"""What was found in an edited model, and beside its base."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

Side = Literal["before", "after"]


class Frozen(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True)


class TensorResidue(Frozen):
    """What is left along the directions in one written tensor."""

    name: str
    kind: str
    block: int | None
    dtype: str
    residue: float = Field(description="The component, as a share of what was there or of what is usual.")
    limit: float = Field(description="The largest residue that its number type allows.")
    met: bool


class Writing(Frozen):
    """What one module writes along its directions on real prompts."""

    module: str
    block: int | None
    before: float | None = Field(description="Largest |r . y| / |y| over all tokens in the base.")
    after: float = Field(description="The same in the edited model.")
    strength: float = Field(description="How strongly it was edited; 1 removes.")


class Answers(Frozen):
    """How one model answered a set of prompts."""

    refused: Estimate = Field(description="Share of prompts that are declined, by wording; Wilson interval.")
    at_start: int = Field(description="Declined in one of the first two sentences.")
    later: int = Field(description="Declined further on.")
    published: Estimate = Field(description="Share by the twelve published substrings, for comparison.")
    classified: Estimate | None = Field(
        default=None, description="Share that a classifier takes for refusals, if one was asked."
    )
    degenerate: Estimate = Field(description="Share of answers that are empty, a loop or filler.")
    kinds: dict[str, int] = Field(description="Degenerate answers by kind.")
    unanswered: Estimate = Field(description="Share that is declined or degenerate.")
    tokens: float = Field(description="Mean length of an answer in tokens.")


class TaskScores(Frozen):
    """How one model rewrites toxic sentences, in suite ``detox``."""

    answered: Estimate = Field(description="Share of sentences that are rewritten; Wilson interval.")
    copies: int = Field(description="Rewrites that repeat their source.")
    scores: dict[str, Estimate] = Field(description="STA, SIM, FL and J of the rewrites alone.")
    joint: Estimate = Field(description="J over all sentences, where one that is not rewritten counts 0.")


class Check(Frozen):
    """A limit that was asked for."""

    name: str
    value: float
    limit: float
    met: bool


class Verification(Result):
    """Everything that was found; what was not measured is empty."""

    model: str = Field(description="The edited model.")
    base: str | None = Field(description="What it was compared with.")
    residues: list[TensorResidue] = Field(default=[], description="Every edited tensor, from the files.")
    writing: list[Writing] = Field(default=[], description="What modules write along their directions.")
    stream: dict[Side, float] = Field(
        default={}, description="Largest share of the residual stream along a direction, all blocks."
    )
    task: dict[Side, TaskScores] = Field(default={}, description="Rewriting toxic sentences.")
    task_difference: dict[str, Estimate] = Field(
        default={},
        description="After minus before, paired: J of all sentences, STA, SIM, FL, J of those "
        "that both rewrite.",
    )
    refusals: dict[Side, Answers] = Field(default={}, description="Held-out prompts with the behaviour.")
    safe: dict[Side, Answers] = Field(default={}, description="Prompts that only sound dangerous.")
    kl: Estimate | None = Field(default=None, description="Mean KL(base || edited) in nats, per prompt.")
    kl_first: Estimate | None = Field(default=None, description="The same at the first token alone.")
    kl_answered: Estimate | None = Field(
        default=None, description="kl over the prompts that the base answers, where it declines others."
    )
    kl_first_answered: Estimate | None = Field(default=None, description="kl_first over the same.")
    perplexity: dict[Side, Estimate] = Field(default={}, description="Of whole texts; n counts texts.")
    perplexity_tokens: int = Field(default=0, description="Tokens that were predicted.")
    perplexity_increase: Estimate | None = Field(
        default=None, description="Relative, paired by text: after / before - 1."
    )
    scorers: dict[str, str] = Field(default={}, description="The identity of each scorer of the task.")
    checks: list[Check] = Field(default=[], description="The limits that were asked for.")
    answers: list[dict[str, str]] = Field(default=[], description="Answers, if they were to be kept.")
    remarks: list[str] = Field(default=[], description="What a reader of these figures should know.")

    @property
    def largest_residue(self) -> float | None:
        """The largest residue of all edited tensors."""
        return max((one.residue for one in self.residues), default=None)

    def tables(self) -> list[Table]:
        """The figures beside each other, and the limits."""
        columns = ["", "before", "after", "difference", "n"]
        caption = "; ".join(self.remarks)
        tables = [
            Table(
                title=f"Verification, {self.model}", columns=columns, rows=list(self._rows()), caption=caption
            )
        ]
        if self.checks:
            rows: list[list[Cell]] = [
                [check.name, check.value, check.limit, "met" if check.met else "not met"]
                for check in self.checks
            ]
            tables.append(Table(title="Limits", columns=["", "value", "limit", ""], rows=rows))
        return tables

    def problem(self) -> DetoxError | None:
        """More left in a tensor than its number type explains, or a limit that is not met."""
        if beyond := [one for one in self.residues if not one.met]:
            worst = max(beyond, key=lambda one: one.residue)
            return DetoxError(
                f"{worst.residue:.1e} of the direction is left in {worst.name}, above {worst.limit:.1e}; "
                f"{len(beyond)} of the edited tensors are like that",
                hint="edit the model again",
            )
        unmet = [check for check in self.checks if not check.met]
        if not unmet:
            return None
        said = ", ".join(
            f"{check.name} is {check.value:.4g}, asked for is {check.limit:g}" for check in unmet
        )
        return QualityLimit(said, hint="choose another direction or strength, or other limits")

    def _rows(self) -> Iterator[list[Cell]]:
        if self.residues:
            yield ["largest residue in a tensor", None, self.largest_residue, None, len(self.residues)]
        if self.writing:
            befores = [one.before for one in self.writing if one.before is not None]
            after = max(one.after for one in self.writing)
            yield ["largest share written along", max(befores, default=None), after, None, len(self.writing)]
        if self.stream:
            yield ["largest share in the stream", self.stream.get("before"), self.stream["after"], None, None]
        yield from self._task_rows()
        yield from _answer_rows("prompts", self.refusals)
        yield from _answer_rows("safe prompts", self.safe)
        if self.kl is not None and self.kl_first is not None:
            yield ["KL(base || edited), nats", None, str(self.kl), None, self.kl.n]
            yield ["KL at the first token", None, str(self.kl_first), None, self.kl_first.n]
        if self.kl_answered is not None and self.kl_first_answered is not None:
            for name, value in (("KL", self.kl_answered), ("KL at the first token", self.kl_first_answered)):
                yield [f"{name}, where the base answers", None, str(value), None, value.n]
        if self.perplexity:
            yield _row("perplexity", self.perplexity, self.perplexity_increase)

    def _task_rows(self) -> Iterator[list[Cell]]:
        if not self.task:
            return
        yield _row("sentences rewritten", {side: one.answered for side, one in self.task.items()})
        joint = {side: one.joint for side, one in self.task.items()}
        yield _row("J, not rewritten is 0", joint, self.task_difference.get("J of all"))
        for name in ("STA", "SIM", "FL", "J"):
            found = {side: one.scores[name] for side, one in self.task.items() if name in one.scores}
            if found:
                yield _row(f"{name} of rewrites", found, self.task_difference.get(name))


def _answer_rows(name: str, found: Mapping[Side, Answers]) -> Iterator[list[Cell]]:
    if found:
        yield _row(f"{name} refused", {side: one.refused for side, one in found.items()})
        seen: dict[Side, Estimate] = {side: a.classified for side, a in found.items() if a.classified}
        if seen:
            yield _row(f"{name} refused, by classifier", seen)
        yield _row(
            f"{name} answered by nothing, loops, filler", {s: one.degenerate for s, one in found.items()}
        )


def _row(name: str, found: Mapping[Side, Estimate], difference: Estimate | None = None) -> list[Cell]:
    before, after = found.get("before"), found.get("after")
    n = next(one.n for one in (after, before) if one is not None)
    shown = [str(one) if one is not None else None for one in (before, after, difference)]
    return [name, *shown, n]
