"""The parts that settings are made of."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


@dataclass(frozen=True)
class Flag:
    """How a field appears on the command line, where its name alone does not say it.

    ``names`` are short names such as ``-o``; ``positional`` makes it an argument; ``complete`` is what
    Tab offers, a word of ``offers.OFFERS``, and ``words`` are values that it offers besides; ``panel`` groups
    it in the help; ``commas`` writes a list as one word, ``0,1,2``, for a field whose type reads that.
    """

    names: tuple[str, ...] = ()
    positional: bool = False
    complete: str | None = None
    words: tuple[str, ...] = ()
    panel: str | None = None
    metavar: str | None = None
    commas: bool = False


class Section(BaseModel):
    """A strict table of a profile: an unknown key is an error, not a typo that passes."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def apart(value: object) -> object:
    """A list whose members may have commas themselves, such as ``["attn,mlp", "lm_head"]``."""
    if not isinstance(value, list | tuple):
        return value
    return [word for one in value for word in (_words(one) if isinstance(one, str) else [one])]


def by_commas(value: object) -> object:
    """``0,1,2`` as the command line has it; a profile has a list."""
    return _words(value) if isinstance(value, str) else value


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _codes(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for one in codes for word in _words(one))


Languages = Annotated[tuple[str, ...], AfterValidator(_codes)]
"""Codes of languages: the option repeated, or commas between them."""
