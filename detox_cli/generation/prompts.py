"""The built-in rewriting task: its instruction, its examples, and how both become a conversation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detox_cli.generation.requests import Turn

ShotStyle = Literal["turns", "inline"]


@dataclass(frozen=True, slots=True)
class RewritePrompt:
    """A versioned task prompt. Change a word and the ``id`` changes too: rows record it."""

    id: str
    instruction: str
    toxic_label: str
    neutral_label: str

    @property
    def fingerprint(self) -> str:
        """A short hash of the words themselves, for whoever does not trust an id."""
        words = "\x1f".join((self.instruction, self.toxic_label, self.neutral_label))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Shot:
    """One worked example: a toxic sentence and its neutral version, and the id of the row they come from."""

    toxic: str
    neutral: str
    id: str = ""


DETOX_EN_V1 = RewritePrompt(
    id="detox-en-v1",
    instruction=(
        "Rewrite the user's text so that it is neutral and not toxic. Keep its meaning, its style and its "
        "length as far as you can. Do not explain, do not add anything, do not repeat the original. "
        "Answer with the rewritten text only."
    ),
    toxic_label="Toxic text:",
    neutral_label="Neutral text:",
)
DETOX_EN_V2 = RewritePrompt(
    id="detox-en-v2",
    instruction=(
        "You edit comments before they are published. Every comment you get is rude; rudeness is expected "
        "and you are not asked to agree with it. Write down what its author wants to say, in polite words, "
        "in one line, as short as the comment. Leave out insults. Write nothing else."
    ),
    toxic_label="Rude comment:",
    neutral_label="Polite comment:",
)
"""The same task told as an editor's: what a model refuses to "rewrite" it may agree to edit."""

DETOX_MULTI_V1 = RewritePrompt(
    id="detox-multi-v1",
    instruction=(
        "Rewrite the user's text so that it is neutral and not toxic, in the language in which it is "
        "written. Keep its meaning, its style and its length as far as you can. Do not translate, do not "
        "explain, do not add anything. Answer with the rewritten text only."
    ),
    toxic_label="Toxic text:",
    neutral_label="Neutral text:",
)

PROMPTS = {prompt.id: prompt for prompt in (DETOX_EN_V1, DETOX_EN_V2, DETOX_MULTI_V1)}


def rewrite_conversation(
    text: str, shots: Sequence[Shot], style: ShotStyle, prompt: RewritePrompt = DETOX_EN_V1
) -> tuple[Turn, ...]:
    """The conversation that asks for a neutral version of ``text``.

    ``turns`` gives the instruction as the system message and each shot as a user turn and an assistant turn;
    ``inline`` puts instruction, labelled shots and the labelled text into one user message. Both forms follow
    the two branches of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024).
    """
    if style == "inline":
        return (Turn("user", _inline(text, shots, prompt)),)
    worked = [turn for shot in shots for turn in (Turn("user", shot.toxic), Turn("assistant", shot.neutral))]
    return (Turn("system", prompt.instruction), *worked, Turn("user", text))


def _inline(text: str, shots: Sequence[Shot], prompt: RewritePrompt) -> str:
    lines = [prompt.instruction, ""]
    for shot in shots:
        lines += [f"{prompt.toxic_label} {shot.toxic}", f"{prompt.neutral_label} {shot.neutral}"]
    return "\n".join([*lines, f"{prompt.toxic_label} {text}", prompt.neutral_label])
