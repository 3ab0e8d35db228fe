"""The built-in judging task: two rewrites of one text, which is better; and how the answer is read."""

import re
from dataclasses import dataclass
from typing import Literal

from detox_cli.generation.requests import Turn

Answer = Literal["A", "B", "tie"]


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A versioned judging prompt. Change a word and the ``id`` changes too: results record it."""

    id: str
    instruction: str
    question: str


JUDGE_EN_V1 = JudgePrompt(
    id="judge-rewrites-en-v1",
    instruction=(
        "You are given a toxic text and two rewrites of it, A and B. Decide which rewrite is better. What "
        "counts, the most important first: no insult, threat, obscenity or contempt is left; what the text "
        "says is kept, with nothing added and nothing lost; it reads like natural, correct language. It does "
        "not matter which rewrite comes first or which is longer. If neither is better, it is a tie. Do not "
        "explain. Answer with one word: A, B or Tie."
    ),
    question="Text: {source}\n\nRewrite A: {first}\n\nRewrite B: {second}\n\nWhich is better: A, B or Tie?",
)

_ANSWER = re.compile(
    r"\W*(?:(?:final )?(?:answer|verdict|decision)(?: is)?\W+)?(?:rewrite\W+)?(a|b|tie)\W*", re.IGNORECASE
)


def judge_conversation(
    source: str, first: str, second: str, prompt: JudgePrompt = JUDGE_EN_V1
) -> tuple[Turn, ...]:
    """The conversation that asks which of two rewrites is better; ``first`` is shown as A."""
    question = prompt.question.format(source=source, first=first, second=second)
    return (Turn("system", prompt.instruction), Turn("user", question))


def read_answer(text: str) -> Answer | None:
    """The answer, if the first line that says something is one and nothing else; ``None`` otherwise.

    ``B``, ``**B**``, ``Rewrite B.`` and ``Answer: B`` are B. A sentence is no answer, even if it names one
    side: whoever reads a verdict into prose guesses.
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    found = _ANSWER.fullmatch(line.strip())
    if found is None:
        return None
    word = found.group(1).upper()
    return "A" if word == "A" else "B" if word == "B" else "tie"
