"""What a detector of toxic spans is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from detox_cli.scoring.spans.span import Span, at_least, joined


class SpanDetector(Protocol):
    """Says which characters of a text are toxic. Texts are never changed: offsets are those of the caller."""

    @property
    def identity(self) -> str:
        """Everything that changes what it finds: kind, model or list, content hash, threshold, words."""

    @property
    def threshold(self) -> float:
        """The score from which on a piece counts, where the caller names none."""

    def candidates(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every piece of each text that could be named, with its score, in order and without overlap.

        This is what a caller falls back on where `detect` finds nothing: a lower threshold, or
        `span.strongest`.
        """

    def detect(self, texts: Sequence[str], threshold: float | None = None) -> list[list[Span]]:
        """The toxic spans of each text, in order; neighbours with only white space between them are one.

        Args:
            texts: Any number of texts of any length.
            threshold: Instead of the detector's own.
        """


class Detector(ABC):
    """A detector that scores pieces and names those from a threshold on."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """The score from which on a piece counts."""

    @abstractmethod
    def candidates(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every piece of each text with its score."""

    def detect(self, texts: Sequence[str], threshold: float | None = None) -> list[list[Span]]:
        """The pieces from the threshold on, joined."""
        limit = self.threshold if threshold is None else threshold
        found = self.candidates(texts)
        return [joined(text, at_least(spans, limit)) for text, spans in zip(texts, found, strict=True)]
