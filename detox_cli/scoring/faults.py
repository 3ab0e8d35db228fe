"""Scores of texts of which some cannot be scored: those are found, named and left without a number."""

from collections.abc import Sequence

from detox_cli.errors import BadSettings, DetoxError, Interrupted, Missing
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.protocol import TextScorer, Unavailable

FATAL = (BadSettings, Missing, Interrupted, Unavailable)
"""What is wrong with the scorer, not with a text."""
NO_SCORE = "the scorer gives no number"


def scores_or_faults(
    scorer: TextScorer, texts: Sequence[str], cache: ScoreCache | None = None
) -> tuple[list[float | None], dict[str, str]]:
    """A number per text, in order, or ``None``; and why, by text.

    If a call fails, its halves are tried, down to the single text. A scorer that fails on every text of two
    or more is broken, and its error is raised.

    Raises:
        DetoxError: The scorer works on no text, or cannot work at all.
    """
    unique = list(dict.fromkeys(texts))
    known, faults, first = _halved(scorer, unique, cache)
    if first is not None and not known and len(unique) > 1:
        raise first
    refusals = refusals_of(scorer)
    wrong = {text: refusals.get(text, NO_SCORE) for text, score in known.items() if score != score} | faults
    return [None if text in wrong else known[text] for text in texts], wrong


def refusals_of(scorer: TextScorer) -> dict[str, str]:
    """Why a scorer, or one that it is made of, has given no number, by text; as far as it says so."""
    parts = getattr(scorer, "parts", ())
    said = {text: why for part in parts for text, why in refusals_of(part).items()}
    return said | getattr(scorer, "refusals", {})


def _halved(
    scorer: TextScorer, texts: Sequence[str], cache: ScoreCache | None
) -> tuple[dict[str, float], dict[str, str], Exception | None]:
    try:
        return (
            dict(zip(texts, score_with_cache(scorer, texts, cache, keep_unscored=True), strict=True)),
            {},
            None,
        )
    except FATAL:
        raise
    except (DetoxError, ValueError, RuntimeError, IndexError, TypeError, KeyError) as error:
        if len(texts) == 1:
            return {}, {texts[0]: " ".join(str(error).split())[:200] or type(error).__name__}, error
        half = len(texts) // 2
        left, right = (_halved(scorer, some, cache) for some in (texts[:half], texts[half:]))
        return left[0] | right[0], left[1] | right[1], left[2] or right[2]
