"""Toxic spans by a trained model: the probability of each token, and of each word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.models.loading import Loaded
from detox_cli.models.segment_cnn import SegmentCnn
from detox_cli.scoring.batching import BATCH_TOKENS, length_limit, pad_batch, token_batches
from detox_cli.scoring.identity import model_identity
from detox_cli.scoring.labels import meaning_of, plain
from detox_cli.scoring.spans.detector import Detector
from detox_cli.scoring.spans.encoding import Window, check_offsets, windows_of
from detox_cli.scoring.spans.span import Span
from detox_cli.scoring.spans.words import word_places

THRESHOLD_KEY = "span_threshold"
"""Where a model's configuration has the threshold that was chosen for it."""
LENGTH_KEY = "span_max_length"
"""Where it has the length of the windows that it was trained on."""
NEITHER = ("o", "none", "nontoxic", "nottoxic", "neutral", "clean")
"""Plain names of the class of all other tokens."""


@dataclass(frozen=True)
class TokenDetector(Detector):
    """P(toxic) of tokens, by a token classifier or a `SegmentCnn`; texts of any length, in windows.

    Attributes:
        loaded: The model and its fast tokenizer.
        model_id: Name and content hash.
        columns: The classes that count, whose probabilities are added.
        threshold: The probability from which on a piece counts.
        words: Score words, by the mean of their tokens weighted by characters; else single tokens.
        limit: Longest window in tokens; the model's own limit if not given.
        batch_tokens: Padded tokens in one batch.
    """

    loaded: Loaded
    model_id: str
    columns: tuple[int, ...]
    threshold: float = 0.5
    words: bool = True
    limit: int | None = None
    batch_tokens: int = BATCH_TOKENS

    @property
    def identity(self) -> str:
        """Kind, model, classes, pieces, threshold."""
        names = self.loaded.model.config.id2label
        classes = "+".join(str(names[column]) for column in self.columns)
        pieces = "words" if self.words else "tokens"
        longest = min(self.limit or 2**20, length_limit(self.loaded))
        how = f"{pieces} threshold={self.threshold:g} max_tokens={longest}"
        return f"spans {self.model_id}#{classes} {how}"

    def candidates(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every word, or token, with its probability."""
        tokens = self.tokens(texts)
        if not self.words:
            return tokens
        return [word_scores(text, spans) for text, spans in zip(texts, tokens, strict=True)]

    def tokens(self, texts: Sequence[str]) -> list[list[Span]]:
        """Every token with its probability; of one in two windows that with more context."""
        unique = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        windows = windows_of(self.loaded, list(unique), self.limit)
        best: list[dict[tuple[int, int], tuple[int, float]]] = [{} for _ in unique]
        for window, scores in zip(windows, self._run(windows), strict=True):
            for token, (place, score) in enumerate(zip(window.places, scores, strict=True)):
                known = best[window.text].get(place)
                if place[0] < place[1] and (known is None or window.margin(token) > known[0]):
                    best[window.text][place] = (window.margin(token), score)
        spans = [[Span(*place, score) for place, (_, score) in sorted(one.items())] for one in best]
        return [spans[unique[text]] for text in texts]

    def _run(self, windows: Sequence[Window]) -> list[list[float]]:
        inputs = {name: [w.inputs[name] for w in windows] for name in (windows[0].inputs if windows else {})}
        found: list[list[float]] = [[] for _ in windows]
        for batch in token_batches([window.length for window in windows], self.batch_tokens):
            for row, scores in zip(batch, self._batch(inputs, batch), strict=True):
                found[row] = scores
        return found

    def _batch(self, inputs: dict[str, list[list[int]]], batch: list[int]) -> list[list[float]]:
        """One batch; if the device's memory is too small for it, its two halves."""
        try:
            tensors = pad_batch(self.loaded, inputs, batch)
            with torch.inference_mode():
                chances = token_chances(self.loaded.model, tensors)[..., list(self.columns)].sum(-1)
            mask = tensors["attention_mask"].bool()
            return [row[real].tolist() for row, real in zip(chances.cpu(), mask.cpu(), strict=True)]
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                what = f"one window does not fit into the memory of {self.loaded.model.device}"
                raise DetoxError(what, hint="use --device cpu") from error
        torch.cuda.empty_cache()
        half = len(batch) // 2
        return self._batch(inputs, batch[:half]) + self._batch(inputs, batch[half:])


def token_chances(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The probability of each class for each token, shape [texts, tokens, classes].

    Of a `SegmentCnn` from the windows that a token is in; of one logit its sigmoid.
    """
    logits: torch.Tensor = model(**inputs).logits.float()
    if isinstance(model, SegmentCnn):
        return model.token_chances(logits, inputs["attention_mask"])
    return logits.sigmoid() if logits.shape[-1] == 1 else logits.softmax(dim=-1)


def word_scores(text: str, tokens: Sequence[Span]) -> list[Span]:
    """Every word with the mean of its characters' scores; a token outside of all words stays for itself.

    Args:
        text: The text.
        tokens: Its tokens, in order.
    """
    pieces = [*word_places(text)]
    inside = [False] * (len(text) + 1)
    for start, end in pieces:
        inside[start:end] = [True] * (end - start)
    pieces += [(token.start, token.end) for token in tokens if not any(inside[token.start : token.end])]
    found, first = [], 0
    for start, end in sorted(set(pieces)):
        while first < len(tokens) and tokens[first].end <= start:
            first += 1
        weight = total = 0.0
        for token in tokens[first:]:
            if token.start >= end:
                break
            shared = min(token.end, end) - max(token.start, start)
            weight, total = weight + shared, total + shared * token.score
        if weight:
            found.append(Span(start, end, total / weight))
    return found


def token_detector(
    loaded: Loaded,
    label: str | None = None,
    threshold: float | None = None,
    words: bool = True,
    batch_tokens: int = BATCH_TOKENS,
) -> TokenDetector:
    """The detector by a model that gives classes to tokens.

    Args:
        loaded: The model.
        label: The class that counts, ``B-`` and ``I-`` before it left out; what is toxic if not given.
        threshold: The one in the model's configuration, else .5, if not given.
        words: Score words, not tokens.
        batch_tokens: Padded tokens in one batch.

    Raises:
        BadSettings: It has no such class, or its tokenizer does not know characters.
    """
    check_offsets(loaded.tokenizer, loaded.source.name)
    config = loaded.model.config
    kept = getattr(config, THRESHOLD_KEY, None)
    return TokenDetector(
        loaded,
        model_identity(loaded.source),
        find_classes([str(name) for _, name in sorted(config.id2label.items())], label, loaded.source.name),
        float(threshold if threshold is not None else kept if kept is not None else 0.5),
        words,
        getattr(config, LENGTH_KEY, None),
        batch_tokens,
    )


def find_classes(names: Sequence[str], wanted: str | None, model: str) -> tuple[int, ...]:
    """The classes called ``wanted``, or that mean toxic, or all but that of other tokens if only one is left.

    Raises:
        BadSettings: There is none, or it cannot be told which.
    """
    bare = [name[2:] if name[:2] in ("B-", "I-", "E-", "S-") else name for name in names]
    if wanted is not None:
        hits = [number for number, name in enumerate(bare) if plain(name) == plain(wanted)]
    else:
        hits = [number for number, name in enumerate(bare) if meaning_of(name) == "toxic"]
        others = [number for number, name in enumerate(bare) if plain(name) not in NEITHER]
        if not hits and len({bare[number] for number in others}) == 1:
            hits = others
    if not hits:
        asked = f"no class '{wanted}'" if wanted is not None else "no class that means toxic"
        raise BadSettings(f"{model} has {asked}; it has {', '.join(names)}", hint="name one: hf:MODEL#LABEL")
    return tuple(hits)
