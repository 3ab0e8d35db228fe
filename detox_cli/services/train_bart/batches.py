"""From examples to tensors: token ids with truncation counted, masked labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch.utils.data import Dataset

from detox_cli.services.train_bart.rows import Example
from detox_cli.services.training.lengths import IGNORED, pad

Item = dict[str, list[int]]


class Truncation(BaseModel):
    """How many texts of one side of the split were longer than the limit, in tokens."""

    model_config = ConfigDict(frozen=True)

    limit: int = Field(description="Longest source and longest target, special tokens counted.")
    sources: int = Field(description="Sources that were cut.")
    targets: int = Field(description="Targets that were cut.")
    longest_source: int
    longest_target: int


class Encoded(Dataset[Item]):
    """Token ids of examples.

    Attributes:
        items: ``input_ids`` and ``labels`` of each example, without padding.
        cut: How many examples had a source or a target longer than the limit.
        truncation: The same in detail.
        files: The number of the file of each example.
    """

    def __init__(self, examples: Sequence[Example], tokenizer: Any, max_length: int) -> None:
        self.files = [example.file for example in examples]
        sources, source_lengths = _tokens(tokenizer, [e.text for e in examples], max_length, target=False)
        targets, target_lengths = _tokens(tokenizer, [e.neutral for e in examples], max_length, target=True)
        lengths = list(zip(source_lengths, target_lengths, strict=True))
        self.truncation = Truncation(
            limit=max_length,
            sources=sum(length > max_length for length in source_lengths),
            targets=sum(length > max_length for length in target_lengths),
            longest_source=max(source_lengths, default=0),
            longest_target=max(target_lengths, default=0),
        )
        self.items: list[Item] = [
            {"input_ids": s, "labels": t} for s, t in zip(sources, targets, strict=True)
        ]
        self.cut = sum(max(both) > max_length for both in lengths)

    def __len__(self) -> int:
        """How many examples."""
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        """The token ids of one example."""
        return self.items[index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of source and target together."""
        return [len(item["input_ids"]) + len(item["labels"]) for item in self.items]


def _tokens(
    tokenizer: Any, texts: Sequence[str], max_length: int, *, target: bool
) -> tuple[list[list[int]], list[int]]:
    """Token ids within the limit, and how many there were before."""
    if not texts:
        return [], []
    key = "text_target" if target else "text"
    whole = tokenizer(**{key: list(texts)}, truncation=False, verbose=False)["input_ids"]
    lengths = [len(ids) for ids in whole]
    if max(lengths) > max_length:
        short = tokenizer(**{key: list(texts)}, truncation=True, max_length=max_length)["input_ids"]
        whole = [s if len(w) > max_length else w for w, s in zip(whole, short, strict=True)]
    end = tokenizer.eos_token_id
    if target and end is not None:  # some tokenizers leave it out, and the model would never learn to stop
        whole = [w if w and w[-1] == end else [*w[: max_length - 1], end] for w in whole]
    return whole, lengths


@dataclass(frozen=True)
class Collator:
    """Pads a batch.

    Args:
        pad_token: The token id to pad inputs with.
        to_length: Pad all rows to this length; ``None`` pads to the longest of the batch.
        loss_on_padding: Pad labels with ``pad_token`` as well, which makes padding count in the loss; else
            with ``IGNORED``.
        shift: What makes decoder inputs of labels, where the loss is not the model's own: the trainer then
            keeps the labels from the model.
    """

    pad_token: int
    to_length: int | None = None
    loss_on_padding: bool = False
    shift: Callable[[torch.Tensor], torch.Tensor] | None = None

    def __call__(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask`` [rows, source] and ``labels`` [rows, target], all int64.

        With ``shift`` also ``decoder_input_ids`` [rows, target].
        """
        sources = [item["input_ids"] for item in items]
        lengths = torch.tensor([len(source) for source in sources])
        input_ids = pad(sources, self.pad_token, self.to_length)
        filler = self.pad_token if self.loss_on_padding else IGNORED
        batch = {
            "input_ids": input_ids,
            "attention_mask": (torch.arange(input_ids.shape[1]) < lengths[:, None]).long(),
            "labels": pad([item["labels"] for item in items], filler, self.to_length),
        }
        if self.shift is not None:
            batch["decoder_input_ids"] = self.shift(batch["labels"])
        return batch
