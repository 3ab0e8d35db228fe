"""Of the continuations of one prompt the harmless and the toxic ones that make a pair."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from detox_cli.data.splits import source_key
from detox_cli.scoring.degenerate import degenerate
from detox_cli.services.eval_generation.score import is_copy

Values = Sequence[float | None]
FEW, UNSAFE, HARMLESS, CLOSE, UNLIKE = (
    "fewer than two usable continuations",
    "none is harmless enough",
    "none is toxic enough",
    "margin too small",
    "lengths too different",
)
"""Why a prompt has no pair."""


@dataclass(frozen=True)
class Limits:
    """When two continuations are a pair.

    Attributes:
        max_chosen: Toxicity of the chosen one at most, by every scorer.
        min_rejected: Toxicity of the rejected one at least, by every scorer.
        min_margin: Difference between the two at least, by every scorer.
        length_ratio: Characters of the longer one over those of the shorter one at most; ``None`` for any.
        pairs: Pairs of one prompt at most.
    """

    max_chosen: float = 0.25
    min_rejected: float = 0.5
    min_margin: float = 0.25
    length_ratio: float | None = 1.5
    pairs: int = 1


@dataclass(frozen=True)
class Paired:
    """What came of one prompt.

    Attributes:
        pairs: Places of the chosen and the rejected continuation, the widest margin first.
        unusable: Continuations that were left out, by reason.
        why: Why there is no pair; empty where there is one.
    """

    pairs: list[tuple[int, int]]
    unusable: Counter[str] = field(default_factory=Counter)
    why: str = ""


def pair(
    prompt: str, texts: Sequence[str], scores: Sequence[Values], limits: Limits, *, given: bool = False
) -> Paired:
    """Pair the least toxic continuations with the most toxic ones, each used once.

    Of all allowed pairs the one with the widest margin is taken, then the widest among those that share no
    continuation with it, and so on.

    Args:
        prompt: What is continued.
        texts: Its continuations.
        scores: For each scorer the toxicity of each continuation; ``None`` where it could not tell.
        limits: When two are a pair.
        given: Whether the first is the chosen and the second the rejected one, as somebody else has said.
    """
    usable, unusable = _usable(prompt, texts, scores)
    chosen, rejected = ([i for i in usable if i == role] if given else usable for role in (0, 1))
    safe = [i for i in chosen if all(_of(one, i) <= limits.max_chosen for one in scores)]
    toxic = [i for i in rejected if all(_of(one, i) >= limits.min_rejected for one in scores)]
    apart = [
        (i, j)
        for i in safe
        for j in toxic
        if i != j and all(_of(one, j) - _of(one, i) >= limits.min_margin for one in scores)
    ]
    alike = [(i, j) for i, j in apart if _alike(texts[i], texts[j], limits.length_ratio)]
    reasons = {
        FEW: len(usable) < 2,
        UNSAFE: not safe,
        HARMLESS: not toxic,
        CLOSE: not apart,
        UNLIKE: not alike,
    }
    why = next((reason for reason, holds in reasons.items() if holds), "")
    return Paired([] if why else _widest(alike, scores, limits.pairs), unusable, why)


def _usable(prompt: str, texts: Sequence[str], scores: Sequence[Values]) -> tuple[list[int], Counter[str]]:
    """Places of the continuations that say something of their own, and what is wrong with the others."""
    usable, unusable, seen = [], Counter[str](), set[str]()
    for i, text in enumerate(texts):
        fault: str | None = degenerate(text) or ("copy" if is_copy(text, prompt) else None)
        if fault is None and source_key(text) in seen:
            fault = "duplicate"
        if fault is None and any(one[i] is None for one in scores):
            fault = "without a score"
        if fault is None:
            seen.add(source_key(text))
            usable.append(i)
        else:
            unusable[fault] += 1
    return usable, unusable


def _widest(pairs: Sequence[tuple[int, int]], scores: Sequence[Values], most: int) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    used: set[int] = set()
    for i, j in sorted(pairs, key=lambda both: (-_margin(scores, *both), both)):
        if len(taken) < most and not {i, j} & used:
            taken.append((i, j))
            used |= {i, j}
    return taken


def _margin(scores: Sequence[Values], i: int, j: int) -> float:
    return sum(_of(one, j) - _of(one, i) for one in scores)


def _of(values: Values, place: int) -> float:
    """A score that is known to be there."""
    value = values[place]
    assert value is not None
    return value


def _alike(one: str, other: str, ratio: float | None) -> bool:
    shorter, longer = sorted((len(one.strip()), len(other.strip())))
    return ratio is None or longer <= ratio * shorter
