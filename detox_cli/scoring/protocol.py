"""What a scorer is."""

from collections.abc import Sequence
from typing import Protocol

from detox_cli.errors import DetoxError


class Unavailable(DetoxError):
    """The scorer cannot go on now, whatever the text: a service is down, or its quota is used up."""


class TextScorer(Protocol):
    """Gives every text a number, such as a probability of being toxic."""

    @property
    def identity(self) -> str:
        """Everything that changes a score: kind, model, content hash, label, length limit."""

    @property
    def meaning(self) -> str:
        """What a high score says: ``toxic``, ``neutral``, ``acceptable``, ``unacceptable``, or the label."""

    def score(self, texts: Sequence[str]) -> list[float]:
        """One number per text, in order; it does not depend on the other texts of the call.

        NaN for a text that cannot be scored, such as one that a service refuses.
        """

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of these are cut at the scorer's length limit."""


class PairScorer(Protocol):
    """Gives every (source, output) pair a number, such as the similarity of content."""

    @property
    def identity(self) -> str:
        """Everything that changes a score."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One number per pair, in order."""

    def too_long(self, pairs: Sequence[tuple[str, str]]) -> int:
        """How many of these are cut at the scorer's length limit."""


class TripleScorer(Protocol):
    """Gives every (source, output, reference) a number, such as a machine-translation metric does."""

    @property
    def identity(self) -> str:
        """Everything that changes a score."""

    def score(self, triples: Sequence[tuple[str, str, str]]) -> list[float]:
        """One number per triple, in order."""

    def too_long(self, triples: Sequence[tuple[str, str, str]]) -> int:
        """How many of these are cut at the scorer's length limit."""
