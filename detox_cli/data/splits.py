"""Splits that do not leak: a text falls on the same side in every file that contains it."""

import hashlib
import unicodedata


def text_key(text: str) -> str:
    """The identity of a text for splitting: NFKC, lower case, letters, digits and marks only.

    Tokenised, re-cased and re-quoted copies of a sentence share one key.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LNM")


def source_key(text: str) -> str:
    """The identity of any text: its key, or the text itself where it has no letter or digit."""
    return text_key(text) or text


def split_fraction(text: str, seed: int | str) -> float:
    """A number in [0, 1) that depends on the text's key and the seed alone."""
    digest = hashlib.sha256(f"{seed}|{text_key(text)}".encode()).hexdigest()
    return int(digest[:16], 16) / 2**64


def is_held_out(text: str, share: float, seed: int | str = "detox-holdout") -> bool:
    """Whether a text belongs to the ``share`` of texts that training must not see."""
    return split_fraction(text, seed) < share
