"""What was written for one sentence: every answer with its flags and scores, and which one is the rewrite."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.generation.requests import FinishReason


@dataclass(frozen=True, slots=True)
class Scores:
    """STA, SIM, FL and J of one rewrite in suite ``detox``, and the score that candidates are chosen by."""

    sta: float
    sim: float
    fl: float
    j: float
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer.

    Attributes:
        text: The sentence that was meant, without quotes and labels around it.
        finish_reason: Why the model stopped.
        tokens: How many tokens it wrote.
        attempt: 1 for the first time of asking.
        seed: Of the request.
        prompt_id: Which instruction was given.
        flags: What is wrong with it; filters add theirs.
        scores: ``None`` where nothing was scored.
    """

    text: str
    finish_reason: FinishReason
    tokens: int
    attempt: int
    seed: int
    prompt_id: str
    flags: tuple[str, ...]
    scores: Scores | None = None

    def record(self) -> dict[str, Any]:
        """The candidate as it stands in a row."""
        shown: dict[str, Any] = {"text": self.text}
        if self.scores is not None:
            one = self.scores
            shown |= {"sta": one.sta, "sim": one.sim, "fl": one.fl, "j": one.j, "score": one.score}
        return shown | {"flags": list(self.flags), "attempt": self.attempt}


@dataclass(frozen=True, slots=True)
class Written:
    """All candidates of one source.

    Attributes:
        candidates: In the order in which they were written.
        chosen: Which of them is the rewrite.
        dropped: Why the source's rows are dropped; empty where they are kept.
        toxicity_drop: Mean relative fall of toxicity over the candidates; ``None`` where nothing was scored.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    dropped: tuple[str, ...] = ()
    toxicity_drop: float | None = None

    @property
    def best(self) -> Candidate:
        """The rewrite."""
        return self.candidates[self.chosen]

    @property
    def attempts(self) -> int:
        """How often the model was asked."""
        return self.candidates[-1].attempt

    @property
    def first_refused(self) -> bool:
        """Whether the first answer of all declined."""
        return "refusal" in self.candidates[0].flags


def best_of(candidates: Sequence[Candidate], eligible: Sequence[bool] | None = None) -> int:
    """Where the rewrite stands: an eligible one that says something, unflagged, with the highest score."""
    allowed = [True] * len(candidates) if eligible is None else eligible
    return min(range(len(candidates)), key=lambda i: (not allowed[i], *_rank(candidates[i]), i))


def all_flawed(candidates: Sequence[Candidate], flaws: Sequence[str]) -> bool:
    """Whether every candidate has one of ``flaws``."""
    return all(set(candidate.flags).intersection(flaws) for candidate in candidates)


def _rank(candidate: Candidate) -> tuple[bool, bool, float]:
    nothing_said = bool({"refusal", "empty"}.intersection(candidate.flags))
    score = candidate.scores.score if candidate.scores is not None else 0.0
    return nothing_said, bool(candidate.flags), -score
