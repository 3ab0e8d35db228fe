"""Inputs of which nothing is left to work on."""

import json
from collections.abc import Callable

import pytest

from tests.errors.case import Case

Told = Callable[[Case], None]
MEASURED = " --scorers builtin:toxicity --judge builtin:lm -o out "
CHAINS = "synth chain builtin:lm --profile offline -o out "
PAIRS = "synth pairs p.jsonl -m builtin:chat --profile offline -o out.jsonl "
PREFERENCES = "synth preferences --scorers builtin:toxicity -o out.jsonl "


def row(**values: object) -> str:
    """A line of a file."""
    return json.dumps(values) + "\n"


def nothing(done: str, said: str, **files: str) -> Case:
    """What is done, and what is said of files that are named by their stems."""
    return Case(done, said, files={f"{name}.jsonl": content for name, content in files.items()})


PAIR = row(id="a", toxic="a word", neutral="b")
SAME = row(toxic="x y", neutral="b") * 2
LONG = row(id="a", text="word " * 3000, toxic="word " * 3000)
PROMPT = row(text="a word")
OTHER = row(id="z", prompt="another", samples=[{"text": "b"}])
CHAIN = row(version=1, id="r1", source="s", text="a", toxicity=0.0, is_toxic=False)
CASES = [
    nothing(
        "eval rewrite p.jsonl", "p.jsonl: none of its 1 rows has a source and", p=row(toxic="", neutral="b")
    ),
    nothing(
        "eval compare p.jsonl q.jsonl --no-scores --verdicts v.jsonl",
        "v.jsonl: holds no verdict on a row of both systems: the verdict is not q, p or tie",
        p=PAIR,
        q=PAIR,
        v=row(id="a", verdict="neither"),
    ),
    nothing(
        "eval generation builtin:lm --prompts p.jsonl" + MEASURED,
        "p.jsonl: none of 1 prompts can be answered: prompt of",
        p=LONG,
    ),
    nothing(
        "eval generation --from g.jsonl --prompts p.jsonl" + MEASURED,
        "--prompts: none of the prompts has a continuation",
        g=OTHER,
        p=PROMPT,
    ),
    nothing(PAIRS, "p.jsonl: none of 1 sentences can be answered: prompt of", p=LONG),
    nothing(PAIRS + "--min-toxicity 1", "--min-toxicity: none of 1 sentences is as toxic as that", p=PAIR),
    nothing(
        PAIRS + "--shots s.jsonl --num-shots 2 --shot-selection best",
        "s.jsonl: has only 1 different sources",
        p=PAIR,
        s=SAME,
    ),
    nothing(
        PREFERENCES + "builtin:lm --prompts p.jsonl",
        "p.jsonl: none of 1 prompts can be answered: prompt of",
        p=LONG,
    ),
    nothing(
        PREFERENCES + "--from p.jsonl",
        "p.jsonl: holds nothing that can be paired: column 'toxic' is empty",
        p=row(toxic="", candidates=["b"]),
    ),
    nothing(CHAINS + "--prompts p.jsonl --exclude p.jsonl", "p.jsonl: none of its 1 prompts is", p=PROMPT),
    nothing(CHAINS + "--from fill --data d.jsonl", "d.jsonl: none of its 1 rows", d=row(id="a", prompt="")),
    nothing(
        "train bart p.jsonl --model builtin:bart -o out",
        "--eval-share: none of 1 rows is left to train on",
        p=PAIR,
    ),
    nothing(
        "train cmd builtin:lm --data c.jsonl -o out",
        "left to train on: 1 unusable, listed with the rejects",
        c=CHAIN,
    ),
    nothing(
        "train dpo builtin:lm --data p.jsonl -o out",
        "--data: no preference is left to train on: 1 equal continuations",
        p=row(prompt="a", chosen="b", rejected="b"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_left(case: Case, told: Told) -> None:
    told(case)
