"""What a candidate's scores are, what is asked of them, and which of two candidates is better."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.models.removal import Mode


@dataclass(frozen=True)
class Limits:
    """What a candidate must keep to.

    Attributes:
        kl: The most ``kl_answer``, in nats.
        induce: How far adding the direction must take negative prompts towards a refusal: the least share of
            the way from their log-odds in the base model to those of positive prompts.
        depth: How far up a direction may come from: the stream after block l has depth (l + 1) / L, and must
            stay below. Arditi et al. (2024, appendix C) keep to .8, as later directions are those of words.
        separation: How far the two sides must lie apart at a place, as a share of where they lie farthest
            apart; other places are not tried. Not asked for where the behaviour is no refusal.
        kept: The share of refusals left from which on a removal is complete, and fewer are no better.
    """

    kl: float = 0.2
    induce: float = 0.5
    depth: float = 0.8
    separation: float = 0.5
    kept: float = 0.02


DEFAULT_LIMITS = Limits()
WITHIN = 0.01
"""What refusals within the limit weigh, beside those beyond it."""


class CandidateScores(BaseModel):
    """What a candidate does, seen without generating: means over the prompts that it was tried on.

    Scores are missing where a candidate was left out before it came to them, or where they are no numbers.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Mode and, for each direction, position/layer.")
    mode: Mode = Field(description="How the component is removed.")
    places: list[tuple[int, int]] = Field(description="Position and layer of each direction.")
    n: int = Field(0, description="Prompts of each side that it was tried on, at most.")
    bypass: float | None = Field(None, description="Log-odds of a refusal's start on positive prompts.")
    kept: float | None = Field(None, description="Share of the refusals (or the behaviour) that is left.")
    induce: float | None = Field(
        None, description="Log-odds of a refusal's start on negative prompts while the direction is added."
    )
    kl_first: float | None = Field(
        None, description="KL(base || changed) at the first token of answers, nats."
    )
    kl: float | None = Field(None, description="Its mean over the first tokens of the base's answers.")
    kl_answer: float | None = Field(
        None, description="The same, without the tokens that refusals start with at the first position."
    )
    verdict: str = Field("", description="Why it was left out; empty if it was not.")

    @property
    def survives(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.verdict

    @property
    def tradeoff(self) -> tuple[float, float]:
        """What is left of the refusals, and the divergence on answers; infinite where they are missing."""
        if self.kept is None or self.kl_answer is None:
            return float("inf"), float("inf")
        return refusals_left(self.bypass, self.kept), self.kl_answer


def refusals_left(bypass: float | None, kept: float) -> float:
    """The share of refusals that is left, by likelihood.

    Where answers to positive prompts still start as refusals do, at least half of the refusals count as left,
    even if they are no longer those of the base model. Without a bypass it is about no refusals.
    """
    return kept if bypass is None or bypass < 0 else max(kept, 0.5)


def is_complete(scores: CandidateScores, limits: Limits) -> bool:
    """Whether next to nothing is left of the refusals."""
    return scores.tradeoff[0] <= limits.kept


def cost(scores: CandidateScores, limits: Limits) -> float:
    """What the best candidate has least of: divergence on answers, and refusals left beyond the limit.

    One percent of refusals counts as much as .01 nats, and within the limit a hundredth of that: Arditi et
    al. take the lowest bypass instead, but below a few percent fewer refusals tell little more, while damage
    still differs. Where it does not, they decide.
    """
    return cost_of(*scores.tradeoff, limits)


def cost_of(left: float, divergence: float, limits: Limits) -> float:
    """`cost` of refusals left and divergence on answers."""
    return max(left - limits.kept, 0.0) + WITHIN * min(left, limits.kept) + divergence


def front(candidates: Sequence[CandidateScores]) -> list[CandidateScores]:
    """Those that no other beats in both refusals left and divergence, the fewest refusals first."""
    found: list[CandidateScores] = []
    for one in sorted((c for c in candidates if c.kl_answer is not None), key=lambda c: c.tradeoff):
        if not found or one.tradeoff[1] < found[-1].tradeoff[1]:
            found.append(one)
    return found
