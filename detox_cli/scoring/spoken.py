"""Scorers that want to know the language of a text, as a service does that is told it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from detox_cli.scoring.protocol import TextScorer


@runtime_checkable
class Multilingual(TextScorer, Protocol):
    """A scorer that reads a text otherwise if it knows its language."""

    def in_language(self, lang: str | None) -> TextScorer:
        """This scorer for texts in ``lang``, a code such as ``pt-br``; ``None`` where nobody knows."""


def in_language(scorer: TextScorer, lang: str | None) -> TextScorer:
    """The scorer for texts in ``lang``: most are the same for all."""
    return scorer.in_language(lang) if isinstance(scorer, Multilingual) else scorer


def by_language(scorer: TextScorer, langs: Sequence[str | None]) -> list[tuple[TextScorer, list[int]]]:
    """The scorer of every language and the places of its texts; one for all where languages do not matter.

    Args:
        scorer: Any scorer of texts.
        langs: The code of each text's language; ``None`` where nobody knows.
    """
    spoken = {lang: in_language(scorer, lang) for lang in dict.fromkeys(langs)}
    names = {lang: one.identity for lang, one in spoken.items()}
    found: dict[str, tuple[TextScorer, list[int]]] = {}
    for place, lang in enumerate(langs):
        found.setdefault(names[lang], (spoken[lang], []))[1].append(place)
    return list(found.values())
