"""How good a detector is on texts with marked spans, and which threshold is best for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accelerate import PartialState
from accelerate.utils import gather_object

from detox_cli.data.marked.read import MarkedText
from detox_cli.models.loading import Loaded
from detox_cli.scoring.spans.agreement import Overlap, overlap
from detox_cli.scoring.spans.detector import SpanDetector
from detox_cli.scoring.spans.span import Span, at_least, joined
from detox_cli.scoring.spans.tagger import TokenDetector
from detox_cli.services.train_spans.start import TOXIC
from detox_cli.services.training.processes import world_size

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The probabilities that are tried."""


@dataclass(frozen=True)
class Choice:
    """A threshold, and the mean character F1 that it reaches."""

    threshold: float
    f1: float


def words_of(
    loaded: Loaded, texts: Sequence[MarkedText], max_length: int, batch_tokens: int
) -> list[list[Span]]:
    """Every word of each text with its probability; each process reads its share.

    Args:
        loaded: The whole model as it is now; it is left in the mode that it was in.
        texts: The texts.
        max_length: Longest window in tokens.
        batch_tokens: Padded tokens in one batch.
    """
    workers = world_size()
    rank = PartialState().process_index
    detector = TokenDetector(loaded, "", (TOXIC,), limit=max_length, batch_tokens=batch_tokens)
    was_training = loaded.model.training
    loaded.model.eval()
    mine = detector.candidates([text.text for text in texts[rank::workers]])
    loaded.model.train(was_training)
    if workers == 1:
        return mine
    shares = gather_object([mine])
    return [shares[number % workers][number // workers] for number in range(len(texts))]


def best_threshold(texts: Sequence[MarkedText], words: Sequence[Sequence[Span]]) -> Choice:
    """The threshold of the highest mean F1; of equal ones that nearest to one half."""
    means = {
        threshold: float(np.mean([one.f1 for one in overlaps_at(texts, words, threshold)]))
        for threshold in THRESHOLDS
    }
    best = max(means, key=lambda threshold: (means[threshold], -abs(threshold - 0.5)))
    return Choice(best, means[best])


def overlaps_at(
    texts: Sequence[MarkedText], words: Sequence[Sequence[Span]], threshold: float
) -> list[Overlap]:
    """How the words from ``threshold`` on agree with the marks, by text."""
    return [
        overlap(joined(text.text, at_least(spans, threshold)), text.spans)
        for text, spans in zip(texts, words, strict=True)
    ]


def overlaps_of(detector: SpanDetector, texts: Sequence[MarkedText]) -> list[Overlap]:
    """How what a detector finds agrees with the marks, by text."""
    found = detector.detect([text.text for text in texts])
    return [overlap(spans, text.spans) for text, spans in zip(texts, found, strict=True)]
