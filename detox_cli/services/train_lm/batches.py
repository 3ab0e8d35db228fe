"""From texts to tensors: token ids with cuts counted, batches of similar length, or packed rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch.utils.data import Dataset

from detox_cli.services.training.lengths import IGNORED, pad

Row = list[list[int]]
"""The texts of one row, as token ids: one text, or several that are packed."""
TEXTS_AT_ONCE = 1000


class Tokens(BaseModel):
    """How much there is to learn from."""

    model_config = ConfigDict(frozen=True)

    texts: int
    tokens: int = Field(description="Token ids, special ones counted, after cutting.")
    cut: int = Field(description="Texts that were longer than the limit.")
    longest: int = Field(description="Token ids of the longest text before cutting.")
    rows: int = Field(description="Rows of a batch that they make: one each, or fewer where they are packed.")


@dataclass(frozen=True)
class Encoding:
    """How texts become token ids.

    Attributes:
        max_length: Longest text in tokens.
        end: Put the end token after a text that was not cut.
        pack_length: Tokens in a row of packed texts; ``None`` does not pack.
    """

    max_length: int
    end: bool = True
    pack_length: int | None = None


class EncodedTexts(Dataset[Row]):
    """Token ids of texts, in rows.

    Args:
        texts: The texts.
        tokenizer: What encodes them; special tokens that it puts before a text are kept.
        encoding: How.
    """

    def __init__(self, texts: Sequence[str], tokenizer: Any, encoding: Encoding) -> None:
        ids, longest, cut = _encode(texts, tokenizer, encoding)
        self.rows: list[Row] = [[one] for one in ids] if encoding.pack_length is None else pack(ids, encoding)
        total = sum(map(len, ids))
        self.tokens = Tokens(texts=len(texts), tokens=total, cut=cut, longest=longest, rows=len(self.rows))

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        """The texts of one row."""
        return self.rows[index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [sum(map(len, row)) for row in self.rows]


def pack(ids: Sequence[list[int]], encoding: Encoding) -> list[Row]:
    """Lay whole texts side by side, longest first, each into the fullest row that has room (best fit).

    Rows are in the order in which they were opened; the same texts give the same rows.
    """
    room_of = encoding.pack_length or encoding.max_length
    rows: list[Row] = []
    by_room: dict[int, list[int]] = {}
    for one in sorted(range(len(ids)), key=lambda number: (-len(ids[number]), number)):
        length = len(ids[one])
        room = next((room for room in range(length, room_of + 1) if by_room.get(room)), None)
        number = len(rows) if room is None else by_room[room].pop()
        if room is None:
            rows.append([])
        rows[number].append(ids[one])
        by_room.setdefault((room_of if room is None else room) - length, []).append(number)
    return rows


@dataclass(frozen=True)
class Collator:
    """Makes a batch of rows.

    Rows of one text are padded and masked. Rows of several have no mask but positions that begin anew with
    each text, from which transformers makes one in which no text sees another. The first token of a text is
    never predicted: there is nothing before it, or another text.

    Args:
        pad_token: The token id to pad inputs with.
        packed: Whether rows have several texts.
    """

    pad_token: int
    packed: bool = False

    def __call__(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """``input_ids`` and ``labels`` [rows, tokens], and ``attention_mask`` or ``position_ids``; int64."""
        joined = [[token for text in row for token in text] for row in rows]
        labels = [[label for text in row for label in (IGNORED, *text[1:])] for row in rows]
        batch = {"input_ids": pad(joined, self.pad_token), "labels": pad(labels, IGNORED)}
        width = batch["input_ids"].shape[1]
        if not self.packed:
            lengths = torch.tensor([len(row) for row in joined])
            return {**batch, "attention_mask": (torch.arange(width) < lengths[:, None]).long()}
        positions = [
            [place for text in row for place in range(len(text))] + list(range(width - len(one)))
            for row, one in zip(rows, joined, strict=True)
        ]
        return {**batch, "position_ids": torch.tensor(positions, dtype=torch.long)}


def _encode(texts: Sequence[str], tokenizer: Any, encoding: Encoding) -> tuple[list[list[int]], int, int]:
    """Token ids within the limit, the length of the longest before cutting, and how many were cut."""
    end = tokenizer.eos_token_id if encoding.end else None
    found: list[list[int]] = []
    longest = cut = 0
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        chunk = list(texts[start : start + TEXTS_AT_ONCE])
        for ids in tokenizer(chunk, truncation=False, verbose=False)["input_ids"]:
            whole = [*ids, end] if end is not None and ids[-1:] != [end] else list(ids)
            longest, cut = max(longest, len(whole)), cut + (len(whole) > encoding.max_length)
            found.append(whole[: encoding.max_length])
    return found, longest, cut
