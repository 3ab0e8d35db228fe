"""Scorer names: ``KIND:TARGET``, ``KIND:TARGET#LABEL`` or ``#MEANING=LABEL``, or ``mean:NAME,NAME``."""

from dataclasses import dataclass
from difflib import get_close_matches

from detox_cli.errors import BadSettings
from detox_cli.scoring.labels import MEANINGS

ENSEMBLES = ("mean", "max", "vote")
KINDS = ("builtin", "hf", "detoxify", "lexicon", "comet", "perspective", "calibrated", *ENSEMBLES)
BARE = "perspective"
"""The kind that may stand without a target."""
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Spec:
    """A scorer's name, taken apart.

    Attributes:
        kind: One of ``KINDS``.
        target: A model, a file, a language, names with commas between, or one of those that the kind knows.
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

    @property
    def members(self) -> list[str]:
        """The names of an ensemble's members; of any other scorer none."""
        return [name.strip() for name in self.target.split(",")] if self.kind in ENSEMBLES else []


def parse_spec(text: str) -> Spec:
    """Take ``text`` apart.

    Raises:
        BadSettings: The kind is unknown, the target is empty, the meaning is none that we know, or an
            ensemble has fewer than two members, the same one twice, or another ensemble in it.
    """
    kind, colon, rest = text.strip().partition(":")
    if not colon and kind.partition("#")[0] == BARE:
        kind, rest = BARE, AUTO + kind.removeprefix(BARE)
    elif not colon or kind not in KINDS:
        raise _unknown(text, kind)
    if kind in ENSEMBLES:
        return _ensemble(Spec(kind, rest), text)
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


def _ensemble(spec: Spec, text: str) -> Spec:
    if nested := next((name for name in spec.members if name.partition(":")[0] in ENSEMBLES), None):
        raise BadSettings(
            f"ensemble '{text}' holds another one, '{nested}'", hint="name its members one by one"
        )
    members = [parse_spec(name) for name in spec.members]
    if len(members) < 2 or len(set(members)) < len(members):
        raise BadSettings(
            f"ensemble '{text}' needs two or more different scorers",
            hint=f"write {spec.kind}:NAME,NAME with a comma between them",
        )
    return spec


def _unknown(text: str, kind: str) -> BadSettings:
    near = get_close_matches(kind, KINDS, n=1)
    guess = f"did you mean {near[0]}:…?" if near else "for a model on the hub or in a folder write hf:MODEL"
    return BadSettings(f"unknown scorer '{text}'; the kinds are {', '.join(KINDS)}", hint=guess)
