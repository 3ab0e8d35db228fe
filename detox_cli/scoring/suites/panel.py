"""The scorers of a suite, asked in the suite's words: how neutral, how similar, how fluent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadSettings
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import Scores, Text, score_with_cache
from detox_cli.scoring.labels import OPPOSITES
from detox_cli.scoring.protocol import PairScorer, TextScorer, TripleScorer
from detox_cli.scoring.spoken import by_language

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Texts:
    """Sources, their outputs, and one reference for each (empty where the suite needs none)."""

    sources: Sequence[str]
    outputs: Sequence[str]
    references: Sequence[str]


@dataclass(frozen=True)
class FluencyOfTriples:
    """A fluency measure that reads source, output and reference."""

    scorer: TripleScorer


@dataclass(frozen=True)
class Panel:
    """The scorers of one evaluation, and the cache and the listener they share.

    Attributes:
        sta: Gives P(toxic) or P(neutral) of a text; which of the two, its class says.
        sim: Gives the similarity of (source, output).
        fl: Gives P(acceptable) or P(unacceptable) of a text, or reads triples; ``None`` for chrF.
        cache: Where scores are kept.
        on_scored: Told how many more items have a score.
        counting: Whether items are only counted: ``on_scored`` is told of each, and its score is 0.
    """

    sta: TextScorer
    sim: PairScorer
    fl: TextScorer | FluencyOfTriples | None = None
    cache: ScoreCache | None = None
    on_scored: Callable[[int], None] | None = None
    counting: bool = False

    @property
    def identities(self) -> dict[str, str]:
        """The identity of each scorer by what it measures."""
        fl = self.fl.scorer if isinstance(self.fl, FluencyOfTriples) else self.fl
        found = {"STA": self.sta.identity, "SIM": self.sim.identity}
        return found | ({"FL": fl.identity} if fl is not None else {})

    def neutral(self, texts: Sequence[str]) -> Floats:
        """P(neutral) of each text."""
        return self._directed(self.sta, texts, "neutral", "STA")

    def similar(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """The similarity of each pair, on the scorer's own scale."""
        return self._scored(self.sim, pairs)

    def fluent(self, texts: Texts) -> Floats:
        """How fluent each output is."""
        if isinstance(self.fl, FluencyOfTriples):
            triples = list(zip(texts.sources, texts.outputs, texts.references, strict=True))
            return self._scored(self.fl.scorer, triples)
        if self.fl is None:
            raise ValueError("this suite needs a scorer of fluency")
        return self._directed(self.fl, texts.outputs, "acceptable", "FL")

    def listened_to(self, on_scored: Callable[[int], None]) -> "Panel":
        """The same scorers with a listener."""
        return replace(self, on_scored=on_scored)

    def asked_for(self, work: "Callable[[Panel], object]") -> int:
        """How many scores ``work`` asks a panel for; none is made."""
        counts: list[int] = []
        work(replace(self, on_scored=counts.append, counting=True))
        return sum(counts)

    def by_language(self, langs: Sequence[str | None]) -> list[tuple["Panel", list[int]]]:
        """The panel of every language and the places of its texts: one for all unless ``sta`` is told them.

        Args:
            langs: The code of each text's language; ``None`` where nobody knows.
        """
        return [(replace(self, sta=sta), places) for sta, places in by_language(self.sta, langs)]

    def check(self) -> None:
        """Raise ``BadSettings`` if a scorer's class does not say whether it is the good or the bad one."""
        _direction(self.sta, "neutral", "STA")
        if self.fl is not None and not isinstance(self.fl, FluencyOfTriples):
            _direction(self.fl, "acceptable", "FL")

    def _directed(self, scorer: TextScorer, texts: Sequence[str], good: str, measure: str) -> Floats:
        sign = _direction(scorer, good, measure)
        scores = self._scored(scorer, texts)
        return scores if sign > 0 else 1 - scores

    def _scored(self, scorer: Scores[Text], items: Sequence[Text]) -> Floats:
        if self.counting and self.on_scored is not None:
            self.on_scored(len(items))
            return np.zeros(len(items))
        return np.asarray(score_with_cache(scorer, items, self.cache, self.on_scored), dtype=np.float64)


def _direction(scorer: TextScorer, good: str, measure: str) -> int:
    """1 where a high score is good, -1 where it is bad."""
    bad = OPPOSITES[good]
    if scorer.meaning not in (good, bad):
        raise BadSettings(
            f"{measure} cannot tell whether class '{scorer.meaning}' means {good} or {bad}",
            hint=f"say it: --{measure.lower()} hf:MODEL#{bad}={scorer.meaning}, or {good}={scorer.meaning}",
        )
    return 1 if scorer.meaning == good else -1
