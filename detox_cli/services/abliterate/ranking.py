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
        induce: The least log-odds of a refusal when the direction is added to negative prompts.
        depth: How far up a direction may come from: the stream after block l has depth (l + 1) / L, and must
            stay below. Arditi et al. (2024, appendix C) keep to .8, as later directions are those of words.
        kept: From which share of refusals left on a removal counts as complete.
    """

    kl: float = 0.2
    induce: float = 0.0
    depth: float = 0.8
    kept: float = 0.02


DEFAULT_LIMITS = Limits()


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
    kept: float | None = Field(None, description="Share of the model's own refusals that is left.")
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
        found = (self.kept, self.kl_answer)
        return found if None not in found else (float("inf"), float("inf"))  # type: ignore[return-value]


def is_complete(scores: CandidateScores, limits: Limits) -> bool:
    """Whether next to nothing is left of the refusals, nor have others taken their place."""
    return scores.tradeoff[0] <= limits.kept and scores.bypass is not None and scores.bypass < 0


def rank(scores: CandidateScores, limits: Limits) -> tuple[bool, float, float]:
    """The order of candidates, the best first: complete ones by their divergence, others by what is left."""
    kept, divergence = scores.tradeoff
    return (False, divergence, kept) if is_complete(scores, limits) else (True, kept, divergence)


def front(candidates: Sequence[CandidateScores]) -> list[CandidateScores]:
    """Those that no other beats in both refusals left and divergence, the fewest refusals first."""
    found: list[CandidateScores] = []
    for one in sorted((c for c in candidates if c.kl_answer is not None), key=lambda c: c.tradeoff):
        if not found or one.tradeoff[1] < found[-1].tradeoff[1]:
            found.append(one)
    return found
