"""Score through the cache: what is known is not computed, what is computed is kept while the work runs."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from detox_cli.errors import BadData
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.combined import CombinedScorer

Text = TypeVar("Text", str, tuple[str, str], tuple[str, str, str])
Shown = TypeVar("Shown", str, tuple[str, str], tuple[str, str, str], contravariant=True)

CHUNK = 512
"""Items scored between two visits to the cache, where the scorer does not say (its ``chunk``)."""


class Scores(Protocol[Shown]):
    """A scorer of any kind of item."""

    @property
    def identity(self) -> str:
        """Everything that changes a score."""

    def score(self, items: Sequence[Shown], /) -> list[float]:
        """One number per item, in order."""


@runtime_checkable
class Foreseeing(Protocol):
    """A scorer that wants to know its work beforehand, as one that hands it out does."""

    def ahead(self, chunks: Sequence[Sequence[Any]]) -> None:
        """These will be asked for, one after the other."""


def score_with_cache(
    scorer: "Scores[Text]",
    items: Sequence[Text],
    cache: ScoreCache | None = None,
    on_scored: Callable[[int], None] | None = None,
    *,
    keep_unscored: bool = False,
) -> list[float]:
    """Scores of ``items`` in order; identical ones are scored once, known ones not at all.

    Of a scorer that is made of others, theirs are kept, so a text that one of them has scored alone is not
    scored again.

    Items are taken in an order of length and in chunks that do not depend on what is known, and each chunk is
    kept as soon as it is done: after a kill the same call goes on where it stopped, with the same batches.

    Args:
        scorer: Gives the scores.
        items: Texts, pairs or triples.
        cache: Where scores are kept; ``None`` keeps none.
        on_scored: Told how many of ``items`` have become known, for a progress bar.
        keep_unscored: Give NaN for an item that the scorer cannot score, instead of an error.

    Raises:
        BadData: An item cannot be scored.
    """
    if isinstance(scorer, CombinedScorer):
        last = scorer.parts[-1]
        columns = [
            score_with_cache(
                part, items, cache, on_scored if part is last else None, keep_unscored=keep_unscored
            )
            for part in scorer.parts
        ]
        return scorer.combined(columns)
    repeats: dict[Text, int] = {}
    for item in items:
        repeats[item] = repeats.get(item, 0) + 1
    ordered = sorted(repeats, key=lambda item: (-_length(item), item))
    known: dict[Text, float] = {}
    size = int(getattr(scorer, "chunk", CHUNK))
    chunks = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    if isinstance(scorer, Foreseeing):
        scorer.ahead([some for chunk in chunks if (some := _unknown(scorer, chunk, cache))])
    for chunk in chunks:
        known |= _score_chunk(scorer, chunk, cache)
        if on_scored is not None:
            on_scored(sum(repeats[item] for item in chunk))
    if not keep_unscored:
        _check(scorer, known)
    return [known[item] for item in items]


def _check(scorer: "Scores[Text]", known: dict[Text, float]) -> None:
    without = [item for item, score in known.items() if math.isnan(score)]
    if without:
        raise BadData(
            f"{scorer.identity} gives no score to {len(without)} of {len(known)} texts, the first of which "
            f"has {_length(without[0])} characters",
            hint="leave these texts out, or use another scorer",
        )


def _score_chunk(scorer: "Scores[Text]", chunk: list[Text], cache: ScoreCache | None) -> dict[Text, float]:
    if cache is None:
        return dict(zip(chunk, scorer.score(chunk), strict=True))
    keys = {_key(item): item for item in chunk}
    known = {keys[key]: score for key, score in cache.get(scorer.identity, keys).items()}
    missing = [item for item in chunk if item not in known]
    fresh = dict(zip(missing, scorer.score(missing), strict=True)) if missing else {}
    cache.put(scorer.identity, {_key(item): score for item, score in fresh.items() if not math.isnan(score)})
    return known | fresh


def _unknown(scorer: "Scores[Text]", chunk: list[Text], cache: ScoreCache | None) -> list[Text]:
    if cache is None:
        return chunk
    known = cache.get(scorer.identity, [_key(item) for item in chunk])
    return [item for item in chunk if _key(item) not in known]


def _key(item: Text) -> str:
    return item if isinstance(item, str) else json.dumps(item)


def _length(item: Text) -> int:
    return len(item) if isinstance(item, str) else sum(map(len, item))
