"""What a scorer is."""

from collections.abc import Sequence
from typing import Protocol


class TextScorer(Protocol):
    """Gives every text a number, such as a probability of being toxic."""

    @property
    def identity(self) -> str:
        """Everything that changes a score: kind, model, content hash, label, length limit."""

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; it does not depend on the other texts of the call."""


class PairScorer(Protocol):
    """Gives every (source, output) pair a number, such as the similarity of content."""

    @property
    def identity(self) -> str:
        """Everything that changes a score."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One number per pair, in order."""
