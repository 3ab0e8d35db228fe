"""Scorer names: ``KIND:TARGET``, ``KIND:TARGET#LABEL`` or ``KIND:TARGET#MEANING=LABEL``."""

from dataclasses import dataclass
from difflib import get_close_matches

from detox_cli.errors import BadSettings
from detox_cli.scoring.labels import MEANINGS

KINDS = ("builtin", "hf", "detoxify", "lexicon", "comet")


@dataclass(frozen=True, slots=True)
class Spec:
    """A scorer's name, taken apart.

    Attributes:
        kind: One of ``KINDS``.
        target: A model, a file, or one of the names that the kind knows.
        label: Which class of the model, or which way of pooling or counting; ``None`` for the model's own.
        meaning: What the user says that label stands for (``toxic=LABEL_1``), where its name does not.
    """

    kind: str
    target: str
    label: str | None = None
    meaning: str | None = None

    def __str__(self) -> str:
        label = f"{self.meaning}={self.label}" if self.meaning else self.label
        return f"{self.kind}:{self.target}" + (f"#{label}" if label else "")


def parse_spec(text: str) -> Spec:
    """Take ``text`` apart.

    Raises:
        BadSettings: The kind is unknown, the target is empty, or the meaning is none that we know.
    """
    kind, colon, rest = text.strip().partition(":")
    if not colon or kind not in KINDS:
        near = get_close_matches(kind, KINDS, n=1)
        guess = (
            f"did you mean {near[0]}:…?" if near else "for a model on the hub or in a folder write hf:MODEL"
        )
        raise BadSettings(f"unknown scorer '{text}'; the kinds are {', '.join(KINDS)}", hint=guess)
    target, _, label = rest.rpartition("#") if "#" in rest else (rest, "", "")
    if not target:
        raise BadSettings(f"scorer '{text}' names nothing after '{kind}:'", hint="write hf:ORG/MODEL#LABEL")
    meaning, equals, named = label.partition("=")
    if not equals:
        return Spec(kind, target, label or None)
    if meaning not in MEANINGS or not named:
        raise BadSettings(
            f"scorer '{text}' gives its label no known meaning",
            hint=f"write one of {', '.join(MEANINGS)}=LABEL",
        )
    return Spec(kind, target, named, meaning)
