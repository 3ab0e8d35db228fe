"""All continuations of one prompt, and the row that they are in a file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detox_cli.data.readers.prompt import Prompt

Scores = tuple[float | None, ...]
Row = dict[str, Any]
"""Of ``scores.jsonl``: what is known of the continuations of a prompt."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model wrote after one prompt.

    Attributes:
        prompt: The prompt, as its data set has it.
        samples: The continuations, in order; none where none were written.
        tokens: How many tokens each took; empty where nobody says.
        asked: What the model read, where that is not the prompt's text alone.
        given: Scores that stood beside the continuations in the file, by the name they had there.
        fault: Why there are no continuations, where the model could not answer.
        chains: The chain that each continuation ends, by its steps; empty where none were asked for.
    """

    prompt: Prompt
    samples: tuple[str, ...]
    tokens: tuple[int, ...] = ()
    asked: str | None = None
    given: Mapping[str, Scores] = field(default_factory=dict)
    fault: str = ""
    chains: tuple[Mapping[str, Any], ...] = ()

    @property
    def read(self) -> str:
        """What the model has read."""
        return self.prompt.text if self.asked is None else self.asked

    @property
    def unit(self) -> str:
        """What is independent evidence: the sentence that a prompt is a translation of, else its own text."""
        if self.prompt.source is not None:
            return self.prompt.source
        key = f"{self.prompt.lang}\x1f{self.prompt.text}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def generation_row(one: Generation) -> dict[str, Any]:
    """The row of ``generations.jsonl``; what is not known is left out."""
    prompt = one.prompt
    known = {
        "lang": prompt.lang,
        "stratum": prompt.stratum,
        "toxicity": prompt.toxicity,
        "source": prompt.source,
        "labels": dict(prompt.labels) or None,
        "asked": one.asked,
        "fault": one.fault or None,
        "given": {name: list(scores) for name, scores in one.given.items()} or None,
    }
    tokens: Sequence[int | None] = one.tokens or [None] * len(one.samples)
    return {
        "id": prompt.id,
        **{name: value for name, value in known.items() if value is not None},
        "prompt": prompt.text,
        "samples": [
            {
                "text": text,
                **({} if count is None else {"tokens": count}),
                **({"chain": dict(chain)} if chain else {}),
            }
            for text, count, chain in zip(
                one.samples, tokens, one.chains or [{}] * len(one.samples), strict=True
            )
        ],
    }
