"""The built-in rewriting task: its instruction, its examples, and how both become a conversation."""

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


@dataclass(frozen=True, slots=True)
class Shot:
    """One worked example: a toxic sentence and its neutral version."""

    toxic: str
    neutral: str


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
