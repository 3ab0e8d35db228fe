"""How toxic texts are, each different one scored once in all stages."""

from collections.abc import Sequence

from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.faults import scores_or_faults
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.labels import OPPOSITES
from detox_cli.scoring.load import check_ready, find_text_scorers, load_text_scorer
from detox_cli.scoring.protocol import TextScorer
from detox_cli.settings.synth_chain import SynthChainSettings

SILENT = Silent()
TEXTS_AT_ONCE = 512
"""Scored between two words to the listener: as many as are kept at a time."""


class Toxicity:
    """A scorer that is asked about texts, and remembers.

    Args:
        scorer: Of toxicity, or of its opposite.
        cache: Where scores are kept.
    """

    def __init__(self, scorer: TextScorer, cache: ScoreCache | None) -> None:
        self.scorer, self.cache = scorer, cache
        self._turned = OPPOSITES.get(scorer.meaning) == "toxic"

    @property
    def identity(self) -> str:
        """Everything that changes a score."""
        return self.scorer.identity

    def of(
        self, texts: Sequence[str], progress: Progress = SILENT, label: str = "scores"
    ) -> list[float | None]:
        """P(toxic) of each text, in order; ``None`` for one that is empty or that the scorer cannot score.

        Raises:
            DetoxError: The scorer works on none of them.
        """
        said = list(dict.fromkeys(text for text in texts if text.strip()))
        known: dict[str, float | None] = {}
        with progress.task(label, len(said)) as task:
            for start in range(0, len(said), TEXTS_AT_ONCE):
                block = said[start : start + TEXTS_AT_ONCE]
                known |= dict(zip(block, scores_or_faults(self.scorer, block, self.cache)[0], strict=True))
                task.advance(len(block))
        return [self._directed(known.get(text)) for text in texts]

    def _directed(self, score: float | None) -> float | None:
        return 1 - score if score is not None and self._turned else score


def find_toxicity(settings: SynthChainSettings) -> list[str]:
    """See that the scorer can be had and is ready; what decides its scores.

    Raises:
        BadSettings: Its name is wrong. Missing: its model or key is not there.
    """
    find_text_scorers([settings.scorer])
    check_ready([settings.scorer])
    return scorer_content(settings.scorer)


def load_toxicity(settings: SynthChainSettings, progress: Progress) -> Toxicity:
    """The scorer in memory, with the cache of all runs."""
    progress.stage(f"loading {settings.scorer}")
    scorer = load_text_scorer(settings.scorer, device=settings.device)
    return Toxicity(scorer, ScoreCache(on_warning=progress.warn))
