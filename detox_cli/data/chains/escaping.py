"""Texts inside a chain: what would be taken for a delimiter is written so that it can be undone."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from detox_cli.data.chains.record import MASK

EscapeKind = Literal["backslash", "json"]


class Escape(ABC):
    """How one template writes a text between its delimiters."""

    @property
    @abstractmethod
    def field(self) -> str:
        """A regular expression for a written text, without a group."""

    @abstractmethod
    def write(self, pieces: Sequence[str], mask: str) -> str:
        """The texts between masks, joined by ``mask``; a single piece is a text without masks."""

    @abstractmethod
    def masked(self, written: str, mask: str) -> bool:
        """Whether ``mask`` stands there as a mask, not as a part of the text."""

    @abstractmethod
    def read(self, written: str, mask: str) -> str:
        """The text again, with `MASK` where ``mask`` was written; what `write` did not write is kept."""


@dataclass(frozen=True)
class Backslash(Escape):
    """A backslash before every reserved string, before the mask and before itself; a newline becomes ``\\n``.

    Attributes:
        reserved: The strings that delimit.
        mask: The mark of the template.
    """

    reserved: tuple[str, ...]
    mask: str

    @cached_property
    def _words(self) -> list[str]:
        return sorted({*self.reserved, self.mask}, key=len, reverse=True)

    @property
    def field(self) -> str:
        """Escaped characters, and everything that starts no delimiter."""
        if not self.reserved:
            return r"(?s:.)*"
        stops = "|".join(map(re.escape, (*self.reserved, "\\")))
        return rf"(?:\\(?:(?s:.)|\Z)|{re.escape(self.mask)}|(?!{stops})(?s:.))*"

    def write(self, pieces: Sequence[str], mask: str) -> str:
        """The pieces with backslashes, joined by the mask."""
        if not self.reserved:
            return mask.join(pieces)
        special = re.compile("|".join(map(re.escape, ("\\", *self._words))))
        return mask.join(special.sub(lambda m: "\\n" if m[0] == "\n" else f"\\{m[0]}", p) for p in pieces)

    def masked(self, written: str, mask: str) -> bool:
        """Whether there is a mask without a backslash; where nothing is reserved nobody can tell."""
        return bool(self.reserved) and any(found[2] for found in self._special(mask).finditer(written))

    def read(self, written: str, mask: str) -> str:
        """The text without its backslashes."""
        if not self.reserved:
            return written.replace(mask, MASK)
        return self._special(mask).sub(self._undone, written)

    def _special(self, mask: str) -> re.Pattern[str]:
        return re.compile(rf"\\(\\|n|{'|'.join(map(re.escape, self._words))})|({re.escape(mask)})")

    def _undone(self, found: re.Match[str]) -> str:
        if found[2] is not None:
            return MASK
        if found[1] == "n":
            return "\n" if "\n" in self.reserved else found[0]
        return found[1]


@dataclass(frozen=True)
class Json(Escape):
    """A JSON string; the mask of a text that holds one literally begins with an escaped character."""

    mask: str

    @property
    def field(self) -> str:
        """A JSON string, whose closing quote may be missing at the end of everything."""
        return r'"(?:\\(?:(?s:.)|\Z)|[^"\\])*(?:"|\Z)'

    def write(self, pieces: Sequence[str], mask: str) -> str:
        """One JSON string of all pieces."""
        plain = f"\\u{ord(self.mask[0]):04x}{self.mask[1:]}"
        inner = (json.dumps(piece, ensure_ascii=False)[1:-1].replace(self.mask, plain) for piece in pieces)
        return f'"{mask.join(inner)}"'

    def masked(self, written: str, mask: str) -> bool:
        """Whether the mask is there to the letter."""
        return mask in written

    def read(self, written: str, mask: str) -> str:
        """The text of a JSON string, also of one that was cut."""
        closed = written if len(written) > 1 and written.endswith('"') else f'{written.rstrip(chr(92))}"'
        marked = closed.replace(mask, json.dumps(MASK)[1:-1])
        try:
            return str(json.loads(marked, strict=False))
        except ValueError:
            return written.strip('"')


def escape_of(kind: EscapeKind, reserved: tuple[str, ...], mask: str) -> Escape:
    """The way of writing that a template asks for."""
    return Json(mask) if kind == "json" else Backslash(reserved, mask)
