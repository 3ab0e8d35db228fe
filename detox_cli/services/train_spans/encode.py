"""From marked texts to tensors: windows of tokens with a label each, and for windows of tokens again."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch.utils.data import Dataset

from detox_cli.data.marked.read import MarkedText
from detox_cli.models.loading import Loaded
from detox_cli.models.segment_cnn import window_labels
from detox_cli.scoring.spans.encoding import Window, windows_of
from detox_cli.services.training.lengths import IGNORED, pad


class Tokens(BaseModel):
    """How much there is to learn from."""

    model_config = ConfigDict(frozen=True)

    texts: int
    windows: int = Field(description="More than texts where some are longer than --max-length.")
    tokens: int = Field(description="In all windows, special ones counted.")
    toxic: int = Field(description="Tokens of which at least half is marked.")


@dataclass(frozen=True)
class Labelled:
    """A window with a label for each token: 1 toxic, 0 not, ``IGNORED`` for special tokens."""

    window: Window
    labels: list[int]


class EncodedPosts(Dataset[Labelled]):
    """The windows of marked texts.

    Args:
        texts: The texts.
        loaded: Its tokenizer encodes them.
        max_length: Longest window in tokens.
    """

    def __init__(self, texts: Sequence[MarkedText], loaded: Loaded, max_length: int) -> None:
        windows = windows_of(loaded, [text.text for text in texts], max_length)
        self.rows = [Labelled(window, token_labels(window, texts[window.text])) for window in windows]
        self.tokens = Tokens(
            texts=len(texts),
            windows=len(windows),
            tokens=sum(self.lengths),
            toxic=sum(row.labels.count(1) for row in self.rows),
        )

    def __len__(self) -> int:
        """How many windows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Labelled:
        """One window."""
        return self.rows[index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        return [row.window.length for row in self.rows]


def token_labels(window: Window, text: MarkedText) -> list[int]:
    """1 for each token of which at least half of the characters are marked."""
    marked = [0] * (len(text.text) + 1)
    for start, end in text.spans:
        marked[start:end] = [1] * (end - start)
    return [
        IGNORED if start == end else int(2 * sum(marked[start:end]) >= end - start)
        for start, end in window.places
    ]


@dataclass(frozen=True)
class Collator:
    """Makes a batch of windows.

    Attributes:
        pad_token: The id to pad with.
        pad_type: The same for token types.
        segment: Tokens in a window of a Segment-CNN; ``None`` for labels of tokens.
    """

    pad_token: int
    pad_type: int = 0
    segment: int | None = None

    def __call__(self, rows: Sequence[Labelled]) -> dict[str, torch.Tensor]:
        """Inputs and ``labels`` [windows, tokens], for a Segment-CNN ``text_labels`` [windows], too."""
        fill = {"input_ids": self.pad_token, "token_type_ids": self.pad_type}
        batch = {
            name: pad([row.window.inputs[name] for row in rows], fill.get(name, 0))
            for name in rows[0].window.inputs
        }
        labels = pad([row.labels for row in rows], IGNORED)
        if self.segment is None:
            return {**batch, "labels": labels}
        windows = window_labels(labels.clamp(min=0), batch["attention_mask"], self.segment)
        return {**batch, "labels": windows, "text_labels": (labels == 1).any(dim=1).long()}
