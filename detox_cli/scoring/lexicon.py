"""Words and phrases of a list, found in text; and texts without them."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from detox_cli.errors import BadData, Missing

BUNDLED = Path(__file__).with_name("lexicon_en.txt")
WAYS = ("any", "share")
_INNER = re.compile(r"(?<=\w)\w")
_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True)
class Lexicon:
    """A list of words and phrases; case and width of letters do not matter, word boundaries do."""

    name: str
    entries: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches an entry as whole words, the longest first."""
        longest_first = sorted(set(self.entries), key=lambda entry: (-len(entry), entry))
        parts = (r"\s+".join(map(re.escape, entry.split())) for entry in longest_first)
        return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")

    @property
    def fingerprint(self) -> str:
        """A short hash of the entries."""
        return hashlib.sha256("\n".join(sorted(self.entries)).encode()).hexdigest()[:16]

    def hits(self, text: str) -> bool:
        """Whether ``text`` holds an entry."""
        return self.pattern.search(_fold(text)) is not None

    def share(self, text: str) -> float:
        """The share of words of ``text`` that are part of an entry; 0 for a text without words."""
        words = _WORD.findall(_fold(text))
        listed = sum(len(_WORD.findall(match)) for match in self.pattern.findall(_fold(text)))
        return min(1.0, listed / len(words)) if words else 0.0

    def places(self, text: str) -> list[tuple[int, int]]:
        """``(start, end)`` of every entry in ``text``, in order, in characters of the text as it is."""
        return _spans(self.pattern, text)

    def delete(self, text: str) -> str:
        """``text`` without its entries, spaces tidied: the delete baseline. Spelling and case are kept."""
        kept, end = [], 0
        for start, stop in self.places(text):
            kept.append(text[end:start])
            end = stop
        return re.sub(r"\s+", " ", "".join([*kept, text[end:]])).strip()

    def mask(self, text: str) -> str:
        """``text`` with all but the first letter of each entry's words starred, for eyes."""
        for start, stop in self.places(text):
            text = text[:start] + _INNER.sub("*", text[start:stop]) + text[stop:]
        return text


def read_lexicon(path: Path, name: str | None = None) -> Lexicon:
    """Read a UTF-8 list, one word or phrase a line; empty lines and lines that begin with ``#`` do not count.

    Raises:
        Missing: There is no such file.
        BadData: It is not text, or holds no entry.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise Missing(f"no such word list: {path}", hint="name a text file, one word a line") from error
    except (UnicodeDecodeError, OSError) as error:
        raise BadData(
            "this is not a UTF-8 word list", where=str(path), hint="save it as UTF-8 text, one word a line"
        ) from error
    entries = tuple(_fold(line.strip()) for line in lines if line.strip() and not line.startswith("#"))
    if not entries:
        raise BadData("the word list is empty", where=str(path), hint="write one word or phrase a line")
    return Lexicon(name or str(path), entries)


@dataclass(frozen=True)
class LexiconScorer:
    """1 if a text holds a listed word (``any``), or the share of its words that are listed (``share``)."""

    lexicon: Lexicon
    way: str = "any"
    meaning: str = "toxic"

    @property
    def identity(self) -> str:
        """Kind, list, content hash, way of counting."""
        return f"lexicon {self.lexicon.name}@{self.lexicon.fingerprint}#{self.way}"

    def score(self, texts: Sequence[str]) -> list[float]:
        """A number in [0, 1] per text, in order."""
        if self.way == "share":
            return [self.lexicon.share(text) for text in texts]
        return [float(self.lexicon.hits(text)) for text in texts]

    def too_long(self, texts: Sequence[str]) -> int:
        """None: there is no limit."""
        return 0


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Where the entries stand in ``text`` itself, whose folded form may be longer or shorter."""
    folded, origin = [], []
    for position, character in enumerate(text):
        piece = _fold(character)
        folded.append(piece)
        origin.extend([position] * len(piece))
    matches = pattern.finditer("".join(folded))
    return [(origin[match.start()], origin[match.end() - 1] + 1) for match in matches]
