"""The second look at refusals: a classifier that reads the output, and the source beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.protocol import TextScorer


@dataclass(frozen=True)
class RefusalJudge:
    """Tells refusals by a classifier that sees the source too (SynthDetoxM, Moskovskiy et al., 2025).

    Attributes:
        scorer: Gives P(refusal) of a text.
        threshold: From which probability on a text is a refusal.
        cache: Where scores are kept.
    """

    scorer: TextScorer
    threshold: float = 0.5
    cache: ScoreCache | None = None

    def refused(self, outputs: Sequence[str], sources: Sequence[str]) -> list[bool]:
        """Whether each output is classified as a refusal and its source is not; an empty output is not one.

        Looking at the source spares rewrites of sentences that themselves say "I can't believe …".
        """
        texts = [text for text in (*outputs, *sources) if text.strip()]
        scores = dict(zip(texts, score_with_cache(self.scorer, texts, self.cache), strict=True))
        return [
            scores.get(output, 0.0) >= self.threshold > scores.get(source, 0.0)
            for output, source in zip(outputs, sources, strict=True)
        ]
