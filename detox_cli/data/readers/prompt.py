"""A prompt that a model is to continue, whatever data set it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Stratum = Literal["toxic", "nontoxic"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt.

    Attributes:
        id: Unique within what was read.
        text: What the model continues, as it stands in the data set.
        where: The file and line it comes from.
        lang: Language code in lower case, such as ``es`` or ``zh-hans``.
        toxicity: How toxic the prompt is, in the unit of its data set; ``None`` if nobody says.
        stratum: ``toxic`` or ``nontoxic`` by the data set's own rule; ``None`` if nobody says.
        source: The same for all translations of one prompt; ``None`` for a prompt that has none.
        labels: What else the data set says, such as the group that a prompt is about.
    """

    id: str
    text: str
    where: str = ""
    lang: str | None = None
    toxicity: float | None = None
    stratum: Stratum | None = None
    source: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What it shares with its translations, which are no evidence of their own."""
        return self.source or self.id


def parallel(prompts: Sequence[Prompt]) -> dict[str, dict[str, Prompt]]:
    """The prompts that are translations of each other: source -> language -> prompt."""
    found: dict[str, dict[str, Prompt]] = {}
    for prompt in prompts:
        if prompt.source is not None and prompt.lang is not None:
            found.setdefault(prompt.source, {}).setdefault(prompt.lang, prompt)
    return {source: langs for source, langs in found.items() if len(langs) > 1}


def stratum_of(toxicity: float | None, threshold: float) -> Stratum | None:
    """``toxic`` from ``threshold`` on."""
    if toxicity is None:
        return None
    return "toxic" if toxicity >= threshold else "nontoxic"


def number(value: object) -> float | None:
    """A number, also one that a table holds as text; ``None`` for anything else, ``NaN`` included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if found == found else None
