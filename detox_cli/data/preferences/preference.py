"""One preference, and what its three texts may look like."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from detox_cli.data.splits import text_key

Message = Mapping[str, str]
Text = str | tuple[Message, ...]
"""Plain text, or the messages of a conversation with ``role`` and ``content``."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A prompt and two continuations of it.

    Attributes:
        id: Unique among all preferences of a run.
        prompt: What is continued; ``chosen`` and ``rejected`` follow it without anything in between.
        chosen: The continuation to prefer.
        rejected: The one to avoid.
        lang: Its language, if the row says it.
        group: What must stay on one side of a split: the prompt, or the text that it was translated from.
        where: Where it stands.
        file: The number of the file that it comes from.
    """

    id: str
    prompt: Text
    chosen: Text
    rejected: Text
    lang: str | None
    group: str
    where: str
    file: int = 0

    @property
    def conversational(self) -> bool:
        """Whether its texts are messages, which the model's chat template renders."""
        return not isinstance(self.prompt, str)

    @property
    def content(self) -> tuple[str, str, str]:
        """Its three texts as strings, for hashing and for comparing."""
        return plain(self.prompt), plain(self.chosen), plain(self.rejected)


def plain(text: Text) -> str:
    """A text as one string; messages as JSON."""
    return text if isinstance(text, str) else json.dumps(list(text), ensure_ascii=False)


def group_of(prompt: Text) -> str:
    """The identity of a prompt for splitting; copies with other case, spaces or punctuation share it."""
    return text_key(plain(prompt)) or plain(prompt)
