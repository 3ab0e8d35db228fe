"""Toxic spans by any scorer of texts: what a word adds to a text, or what it scores by itself."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from detox_cli.errors import BadSettings
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.protocol import TextScorer
from detox_cli.scoring.spans.detector import Detector
from detox_cli.scoring.spans.span import Span
from detox_cli.scoring.spans.words import word_places

UNRELATED = ("acceptable", "unacceptable")
"""Meanings of a score that say nothing about toxicity."""
TEXTS_AT_ONCE = 64
"""Texts whose versions are scored together."""
LEAST, MOST = 0.2, 1 - 1e-4
"""Log-odds are taken between these probabilities: below the first nothing toxic is left to take away."""
TOXIC = 0.5
"""From which probability on a text wants another word left out."""
MOST_ROUNDS = 8
"""How many words are left out of a text at most."""


@dataclass(frozen=True)
class ScoredWords(Detector):
    """Words with scores that come from a scorer of texts.

    Attributes:
        scorer: Of toxicity, or of its opposite.
        threshold: The score from which on a word counts.
        cache: Where scores are kept; ``None`` keeps none.
    """

    scorer: TextScorer
    threshold: float
    cache: ScoreCache | None = None
    kind: ClassVar[str]

    @property
    def identity(self) -> str:
        """Kind, threshold, scorer."""
        return f"spans {self.kind} threshold={self.threshold:g} {self.scorer.identity}"

    def candidates(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every word with its score.

        Raises:
            BadData: The scorer gives no score to a text that it is asked about.
        """
        found: list[list[Span]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found += self.word_scores(texts[start : start + TEXTS_AT_ONCE])
        return found

    @abstractmethod
    def word_scores(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every word of a few texts with its score."""

    def chances(self, texts: Sequence[str]) -> list[float]:
        """The probability that each is toxic."""
        scores = score_with_cache(self.scorer, texts, self.cache)
        return [1 - score for score in scores] if self.scorer.meaning == "neutral" else scores


@dataclass(frozen=True)
class AloneDetector(ScoredWords):
    """The toxicity of each word by itself, as the published labels of fragments were made; blind to context.

    Each different word is scored once.
    """

    threshold: float = 0.8
    kind: ClassVar[str] = "words alone"

    def word_scores(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every word with its own probability."""
        places = [(text, *place) for text in texts for place in word_places(text)]
        scores = iter(self.chances([text[start:end] for text, start, end in places]))
        return [[Span(*place, next(scores)) for place in word_places(text)] for text in texts]


@dataclass(frozen=True)
class AttributionDetector(ScoredWords):
    """What each word adds to the log-odds of toxicity, once no other word makes the text toxic (occlusion).

    While a text is toxic, the word without which it is least so is left out: of two insults each alone
    changes nothing. Then every word that was left out is put back alone, and every other one left out alone.
    It costs a score for each word in each round.
    """

    threshold: float = 1.0
    kind: ClassVar[str] = "attribution"

    def word_scores(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every word with what it adds; negative where the text is worse without it."""
        works = [_Occlusion(text, word_places(text)) for text in texts]
        self._go_on(works)
        return [work.spans() for work in works]

    def _go_on(self, works: Sequence["_Occlusion"]) -> None:
        """Rounds over all texts that are still toxic, then the words that were left out."""
        for work, chance in zip(works, self.chances([work.text for work in works]), strict=True):
            work.chance = chance
        going = [work for work in works if work.words]
        while going:
            self._without_each(going)
            going = [work for work in going if work.leave_out()]
        self._put_back(works)

    def _without_each(self, works: Sequence["_Occlusion"]) -> None:
        """Score every text without each of the words that are left in it."""
        scores = iter(self.chances([version for work in works for version in work.versions()]))
        for work in works:
            work.without = {word: next(scores) for word in work.left()}

    def _put_back(self, works: Sequence["_Occlusion"]) -> None:
        """Score every text with each single word that was left out of it."""
        asked = [(work, word) for work in works for word in work.out]
        for (work, word), chance in zip(asked, self.chances([w.with_only(o) for w, o in asked]), strict=True):
            work.alone[word] = chance


@dataclass
class _Occlusion:
    """A text from which words are left out one after the other.

    Attributes:
        text: The text.
        words: Their places.
        chance: How toxic it is without the words that are out.
        out: The numbers of these, in the order in which they were left out.
        without: How toxic it would be without each of the others as well.
        alone: How toxic it is with each single word of those that are out.
    """

    text: str
    words: list[tuple[int, int]]
    chance: float = 0.0
    out: list[int] = field(default_factory=list)
    without: dict[int, float] = field(default_factory=dict)
    alone: dict[int, float] = field(default_factory=dict)

    def left(self) -> list[int]:
        """The numbers of the words that are still in it."""
        return [word for word in range(len(self.words)) if word not in self.out]

    def versions(self) -> list[str]:
        """The text without each of these."""
        return [self._lacking({*self.out, word}) for word in self.left()]

    def with_only(self, word: int) -> str:
        """The text with one of the words that are out."""
        return self._lacking({*self.out} - {word})

    def leave_out(self) -> bool:
        """Leave out the word without which the text is least toxic; whether there is to be another round."""
        if self.chance < TOXIC or len(self.out) >= MOST_ROUNDS or len(self.without) < 2:
            return False
        word = min(self.without, key=lambda number: (self.without[number], number))
        if self.without[word] >= self.chance:
            return False
        self.out.append(word)
        self.chance = self.without[word]
        return True

    def spans(self) -> list[Span]:
        """Every word with what it adds to the log-odds."""
        now = _log_odds(self.chance)
        return [
            Span(*place, _log_odds(self.alone[word]) - now if word in self.alone else now - self._less(word))
            for word, place in enumerate(self.words)
        ]

    def _less(self, word: int) -> float:
        return _log_odds(self.without[word])

    def _lacking(self, words: set[int]) -> str:
        kept, end = [], 0
        for word in sorted(words):
            start, stop = self.words[word]
            kept.append(self.text[end:start])
            end = stop
        return "".join([*kept, self.text[end:]]).strip()


def by_scorer(
    kind: str, scorer: TextScorer, threshold: float | None, cache: ScoreCache | None = None
) -> ScoredWords:
    """The detector ``attribution`` or ``words`` with ``scorer``, and its usual threshold if none is given.

    Raises:
        BadSettings: The scores say nothing about toxicity.
    """
    check_meaning(kind, scorer.meaning)
    made = AttributionDetector if kind == "attribution" else AloneDetector
    return made(scorer, cache=cache) if threshold is None else made(scorer, threshold, cache)


def check_meaning(kind: str, meaning: str) -> None:
    """Raise ``BadSettings`` if scores with this meaning say nothing about toxicity."""
    if meaning in UNRELATED:
        raise BadSettings(
            f"'{kind}' wants a scorer of toxicity, this one says what is {meaning}",
            hint=f"write {kind}:builtin:toxicity",
        )


def _log_odds(chance: float) -> float:
    bounded = min(MOST, max(LEAST, chance))
    return math.log(bounded / (1 - bounded))
