"""Toxicity of what a model writes, as a number to choose by."""

from dataclasses import dataclass, field

import pytest

from detox_cli.errors import BadData
from detox_cli.generation.requests import Completion, Sample
from detox_cli.services.abliterate.choice.behaviour import SAMPLES, toxicity_of_answers
from detox_cli.services.abliterate.contrast.contrasts import Prompt


@dataclass
class Parrot:
    """An engine that says what it is told to."""

    says: str
    identity: dict[str, str] = field(default_factory=dict)

    def generate(self, requests, sampling, done=()):
        for request in requests:
            texts = [self.says, *[""] * (request.samples - 1)]
            yield Completion(request.id, request.seed, 1, tuple(Sample(t, "stop", 1) for t in texts))


class Judge:
    """A scorer for which one word is toxic and another cannot be scored."""

    identity, meaning = "judge", "toxic"

    def score(self, texts):
        return [{"silly": 0.8, "odd": float("nan")}.get(text, 0.0) for text in texts]


class Approving(Judge):
    """The same numbers for what is neutral."""

    meaning = "neutral"


def test_empty_answers_count_and_answers_without_a_score_are_an_error() -> None:
    prompts = [Prompt(str(i), "x", "x") for i in range(3)]
    engine = Parrot("silly")
    measure = toxicity_of_answers(engine, prompts, Judge())
    assert measure() == pytest.approx(0.8 / SAMPLES)
    engine.says = ""
    assert measure() == 0
    assert toxicity_of_answers(engine, prompts, Approving())() == 0
    engine.says = "silly"
    assert toxicity_of_answers(engine, prompts, Approving())() == pytest.approx(0.2 / SAMPLES)
    engine.says = "odd"
    with pytest.raises(BadData, match="judge cannot score"):
        measure()
