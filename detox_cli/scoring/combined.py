"""Scorers made of scorers: the mean, the highest and the vote of several."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadSettings
from detox_cli.scoring.labels import OPPOSITES
from detox_cli.scoring.protocol import TextScorer
from detox_cli.scoring.spoken import in_language

Floats = NDArray[np.float64]

HALF = 0.5
"""From which score on a text counts as one of the class, where the scorer has no threshold of its own."""


class CombinedScorer(ABC):
    """A number that follows from the scores of other scorers alone, so that only theirs are kept."""

    parts: tuple[TextScorer, ...]

    @property
    @abstractmethod
    def identity(self) -> str:
        """Everything that changes a score."""

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What a high score says."""

    @abstractmethod
    def combine(self, scores: Floats) -> Floats:
        """The scores [texts] that follow from those of the parts, shape [parts, texts]."""

    def in_language(self, lang: str | None) -> Self:
        """This scorer for texts in ``lang``, for parts that want to know it."""
        parts = tuple(in_language(part, lang) for part in self.parts)
        return self if parts == self.parts else replace(self, parts=parts)  # type: ignore[type-var]

    def score(self, texts: Sequence[str]) -> list[float]:
        """A number per text, in order; NaN where a part gives none."""
        return self.combined([part.score(texts) for part in self.parts])

    def combined(self, columns: Sequence[Sequence[float]]) -> list[float]:
        """As ``score``, from the scores that each part has given the texts."""
        values: list[float] = self.combine(np.array(columns, dtype=np.float64)).tolist()
        return values

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of these are cut at the length limit of a part."""
        if not any(part.too_long(texts) for part in self.parts):
            return 0
        return sum(any(part.too_long([text]) for part in self.parts) for text in texts)


@dataclass(frozen=True)
class Ensemble(CombinedScorer):
    """Several scorers as one.

    Attributes:
        way: ``mean``; ``max``, the highest; or ``vote``, the share of members for whom the text is one of the
            class, by their own threshold (.5 where they have none).
        parts: The members.
        turned: Which of them give the opposite class, whose scores count as 1 minus themselves.
        meaning: What a high score says.
    """

    way: str
    parts: tuple[TextScorer, ...]
    turned: tuple[bool, ...]
    meaning: str = "toxic"

    @property
    def identity(self) -> str:
        """The way and the members' identities."""
        return f"{self.way} of {' + '.join(part.identity for part in self.parts)}"

    def combine(self, scores: Floats) -> Floats:
        """One number in [0, 1] per text, from the members' [members, texts]."""
        directed = np.where(np.array(self.turned)[:, None], 1 - scores, scores)
        if self.way == "max":
            return np.asarray(directed.max(axis=0))
        if self.way == "vote":
            limits = np.array([[threshold_of(part)] for part in self.parts])
            votes = np.where(np.array(self.turned)[:, None], scores < limits, scores >= limits)
            votes = np.where(np.isnan(scores), np.nan, votes)
            return np.asarray(votes.mean(axis=0))
        return np.asarray(directed.mean(axis=0))


def ensemble(way: str, parts: Sequence[TextScorer]) -> Ensemble:
    """The members as one scorer of what the first one's class means; see ``shared_meaning``."""
    wanted = shared_meaning([part.meaning for part in parts])
    return Ensemble(way, tuple(parts), tuple(part.meaning != wanted for part in parts), wanted)


def shared_meaning(meanings: Sequence[str]) -> str:
    """What an ensemble's score says if its members' classes mean these.

    The class ``toxic`` is wanted where any member gives it or its opposite.

    Raises:
        BadSettings: A member gives neither the wanted class nor its opposite.
    """
    wanted = next(
        (one for one in ("toxic", "acceptable") if {one, OPPOSITES[one]} & set(meanings)), meanings[0]
    )
    for meaning in meanings:
        if meaning not in (wanted, OPPOSITES.get(wanted)):
            raise BadSettings(
                f"an ensemble cannot join the classes '{wanted}' and '{meaning}'",
                hint=f"name one class of each member, or say what it means: hf:MODEL#{wanted}={meaning}",
            )
    return wanted


def threshold_of(scorer: Any) -> float:
    """From which score on a text counts as one of the class: the scorer's own threshold, or .5."""
    return float(getattr(scorer, "threshold", HALF))
