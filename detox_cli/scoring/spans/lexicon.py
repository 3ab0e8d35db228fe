"""Words and phrases of a list as toxic spans."""

from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.scoring.lexicon import Lexicon
from detox_cli.scoring.spans.detector import Detector
from detox_cli.scoring.spans.span import Span
from detox_cli.scoring.spans.words import whole_words


@dataclass(frozen=True)
class LexiconDetector(Detector):
    """Every place where a listed word or phrase stands, with score 1.

    Attributes:
        lexicon: The list. An entry matches whole words only, whatever ``words`` says.
        words: Widen a span to all of a disguised word that an entry is a part of.
        threshold: Any number in (0, 1] finds the same.
    """

    lexicon: Lexicon
    words: bool = True
    threshold: float = 0.5

    @property
    def identity(self) -> str:
        """Kind, list, content hash, widening."""
        words = " whole words" if self.words else ""
        return f"spans lexicon {self.lexicon.name}@{self.lexicon.fingerprint}{words}"

    def candidates(self, texts: Sequence[str]) -> list[list[Span]]:
        """The places of listed words."""
        found = [[Span(start, end) for start, end in self.lexicon.places(text)] for text in texts]
        if not self.words:
            return found
        return [whole_words(text, spans) for text, spans in zip(texts, found, strict=True)]
