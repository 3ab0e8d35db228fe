"""The classes of a model, found by name and never by position; what their names mean."""

import re
from collections.abc import Sequence

from detox_cli.errors import BadSettings

ALIASES = {
    "toxic": ("toxic", "toxicity", "istoxic", "hate", "hateful", "offensive", "abusive"),
    "neutral": (
        "neutral",
        "nontoxic",
        "nottoxic",
        "clean",
        "nothate",
        "nonhate",
        "nonhateful",
        "nothateful",
        "notoffensive",
    ),
    "acceptable": ("acceptable", "fluent", "grammatical", "natural"),
    "unacceptable": ("unacceptable", "notfluent", "disfluent", "ungrammatical", "corrupted", "unnatural"),
}
"""Names that published models give the same class, without case, spaces, hyphens and underscores."""

MEANINGS = tuple(ALIASES)
OPPOSITES = {
    "toxic": "neutral",
    "neutral": "toxic",
    "acceptable": "unacceptable",
    "unacceptable": "acceptable",
}
DEFAULTS = ("toxic", "acceptable")
"""What a scorer named without a label gives, where exactly one class has such a name."""


def plain(label: str) -> str:
    """A label without case, spaces, hyphens and underscores: ``Non-Toxic`` and ``non_toxic`` are one."""
    return re.sub(r"[\s_-]+", "", label.casefold())


def meaning_of(label: str) -> str:
    """One of ``MEANINGS`` if the label's name says so, else the label itself."""
    return next((meaning for meaning, names in ALIASES.items() if plain(label) in names), label)


def find_label(labels: Sequence[str], wanted: str | None, model: str, meaning: str | None = None) -> int:
    """The position of the class called ``wanted``: by its exact name, its plain name, or an alias.

    Args:
        labels: The model's own class names, by position.
        wanted: A name; ``None`` for the only class, or the one that means toxic or acceptable.
        model: Whose classes these are, for the message.
        meaning: What ``wanted`` is said to mean; a class whose own name says so will do where none is called
            ``wanted``, as models lose and regain the names of their classes between versions.

    Raises:
        BadSettings: No class has this name, or more than one could be meant.
    """
    hits = _only_choice(labels) if wanted is None else _named(labels, wanted)
    if not hits and meaning is not None:
        hits = _named(labels, meaning)
    if len(hits) == 1:
        return hits[0]
    asked = f"{'several classes that could be' if hits else 'no class'} '{wanted}'"
    if wanted is None:
        asked = "more than one class"
    raise BadSettings(
        f"{model} has {asked}; it has {', '.join(labels)}", hint="name one exactly: hf:MODEL#LABEL"
    )


def _only_choice(labels: Sequence[str]) -> list[int]:
    if len(labels) == 1:
        return [0]
    return [i for i, label in enumerate(labels) if meaning_of(label) in DEFAULTS]


def _named(labels: Sequence[str], wanted: str) -> list[int]:
    exact = [i for i, label in enumerate(labels) if label == wanted]
    same = [i for i, label in enumerate(labels) if plain(label) == plain(wanted)]
    meant = meaning_of(wanted)
    alias = [i for i, label in enumerate(labels) if meant in MEANINGS and meaning_of(label) == meant]
    return exact or same or alias
