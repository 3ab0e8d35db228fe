"""Texts as overlapping windows of tokens that know their characters, so that no text is cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.scoring.batching import length_limit

OVERLAP = 0.25
"""The share of a window that the next one repeats, so that no token is judged at an edge only."""
TEXTS_AT_ONCE = 1000
OF_ONE_CALL = (
    "is_local",
    "local_files_only",
    "max_length",
    "stride",
    "truncation_side",
    "truncation_strategy",
)
"""What a tokenizer's configuration gets from how it was called."""


@dataclass(frozen=True)
class Window:
    """A part of a text as a model reads it.

    Attributes:
        text: The number of the text.
        inputs: Ids and masks by the names of the model's arguments, special tokens included.
        places: ``(start, end)`` of each token in characters of the text; empty for special tokens.
    """

    text: int
    inputs: dict[str, list[int]]
    places: list[tuple[int, int]]

    @property
    def length(self) -> int:
        """Tokens, special ones included."""
        return len(self.places)

    def margin(self, token: int) -> int:
        """How many tokens of context a token has on its poorer side."""
        return min(token, self.length - 1 - token)


def check_offsets(tokenizer: Any, name: str) -> None:
    """Raise ``BadSettings`` for a tokenizer that cannot tell which characters a token stands for."""
    if not tokenizer.is_fast:
        raise BadSettings(
            f"the tokenizer of {name} is a slow one, which does not know the characters of its tokens",
            hint="name a model whose folder has a tokenizer.json",
        )


def as_it_was(tokenizer: Any) -> Any:
    """The tokenizer without what it remembers of its last windows and of its folder, to be saved."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    for name in OF_ONE_CALL:
        tokenizer.init_kwargs.pop(name, None)
    return tokenizer


def windows_of(loaded: Loaded, texts: Sequence[str], limit: int | None = None) -> list[Window]:
    """The windows of all texts, in order: one for a text that fits, several that overlap for a longer one.

    Args:
        loaded: Its tokenizer has to be a fast one; see `check_offsets`.
        texts: Any texts.
        limit: Longest window in tokens, special ones included; the model's own limit if not given or higher.
    """
    longest = min(limit or 2**20, length_limit(loaded))
    inside = longest - loaded.tokenizer.num_special_tokens_to_add()
    if inside < 2:
        raise BadSettings(f"windows of {longest} tokens have no room for text", hint="raise --max-length")
    found: list[Window] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        found += _windows(loaded, list(texts[start : start + TEXTS_AT_ONCE]), longest, inside, start)
    return found


def _windows(loaded: Loaded, texts: list[str], longest: int, inside: int, first: int) -> list[Window]:
    encoded = loaded.tokenizer(
        texts,
        truncation=True,
        max_length=longest,
        stride=int(OVERLAP * inside),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        padding=False,
        verbose=False,
    )
    names = [name for name in loaded.tokenizer.model_input_names if name in encoded]
    found = []
    for row, text in enumerate(encoded["overflow_to_sample_mapping"]):
        special = encoded["special_tokens_mask"][row]
        places = [
            (0, 0) if ignored else _tight(texts[text], *place)
            for ignored, place in zip(special, encoded["offset_mapping"][row], strict=True)
        ]
        found.append(Window(first + text, {name: list(encoded[name][row]) for name in names}, places))
    return found


def _tight(text: str, start: int, end: int) -> tuple[int, int]:
    """The place without the white space that byte-level tokens begin with."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), max(start, start + len(piece.rstrip()))
