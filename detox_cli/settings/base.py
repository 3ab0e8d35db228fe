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


def by_commas(value: object) -> object:
    """``0,1,2`` as the command line has it; a profile has a list."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _apart(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for one in codes for code in one.split(",") if code.strip())


Languages = Annotated[tuple[str, ...], AfterValidator(_apart)]
"""Codes of languages: the option repeated, or commas between them."""
