"""Results, folders and choices in the middle of a command's work that it cannot go on with."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from detox_cli.errors import ExitCode
from detox_cli.models.loading import load_causal
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.services import demo
from detox_cli.services.abliterate.choice.choose import _usual
from detox_cli.services.abliterate.choice.search import Searching, _Objective, search
from detox_cli.services.abliterate.verify.inputs import read_texts
from detox_cli.services.abliterate.verifying import task_sentences
from detox_cli.services.eval_compare.runs import _prompts
from detox_cli.services.measured_model import MeasuredModel
from detox_cli.services.merge.chat_template import read_template
from detox_cli.services.probe.features import _finished
from detox_cli.services.probe.opened import Opened
from detox_cli.services.probe_intervene.bake import check_baked
from detox_cli.services.probe_intervene.target import ChosenDirection
from detox_cli.services.probe_intervene.work import Work
from detox_cli.services.probe_predict_transfer.known import read_retrieval
from detox_cli.services.probe_retrieval.effect import _of_runs
from detox_cli.services.probe_vectors.languages import count_tokens
from detox_cli.settings.abliterate import AbliterateSettings
from detox_cli.settings.demo import DemoSettings
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.synth import SynthPairsSettings
from tests.errors.case import Case, usage

Told = Callable[[Case], None]
FAILED = ExitCode.FAILED
NAN = np.array([np.nan])
ANY: Any = None


def removal(**given: object) -> AbliterateSettings:
    return AbliterateSettings(model="m", output=Path("out"), **given)


def measured_sides(text: str) -> Any:
    """What a direction was measured on: one sentence."""
    side = SimpleNamespace(train=[SimpleNamespace(text=text)], val=[])
    return SimpleNamespace(positive=side, negative=side)


def predicting(number: np.ndarray) -> Any:
    """A search that reads this of a changed model."""
    readings = SimpleNamespace(bypass=number, kept=number, kl_answer=number)
    scorer: Any = SimpleNamespace(trying=lambda _: nullcontext([readings]))
    recipes: Any = SimpleNamespace(removal=lambda _: None)
    return _Objective(scorer, recipes, 1.0, None)


def run_of(ratios: dict[str, object], *langs: str) -> Any:
    return SimpleNamespace(ratios=ratios, columns=SimpleNamespace(langs=langs), sums=lambda _: {})


MEASURED = {"t/expected_maximum@2": None}
GIVEN = {"model": "m", "output": Path("out"), "scorers": ("builtin:lexicon",), "judge": "builtin:lm"}
PAIRS = {"p.jsonl": '{"toxic": "a word", "neutral": "b"}\n'}
RUN = "eval generation --scorers builtin:lexicon --judge builtin:lm -o out "
ENGLISH = [{"en": f"sentence number {number}"} for number in range(200)]
CASES = [
    Case(
        lambda: count_tokens(ENGLISH, ANY, 10, 0, 1),
        "--parallel: has sentences in 1 language; tokens are told apart between two",
    ),
    Case(lambda: search(ANY, [], Searching()), "no direction could be tried, so there is nothing to search"),
    Case(lambda: predicting(NAN)({}, []), "it predicts what is not a number", FAILED),
    Case(
        lambda: _usual(lambda: 0.0, lambda _, find: find()),
        "the model does not show the behaviour that is to be removed",
    ),
    Case(
        lambda: read_texts("t.jsonl"),
        "t.jsonl: column 'text' holds no text",
        files={"t.jsonl": '{"text": ""}\n'},
    ),
    Case(lambda: read_texts("t.txt"), "t.txt: cannot be read as text: 'utf-8'", files={"t.txt": b"\xff"}),
    Case(
        lambda: task_sentences(removal(contrast="task", pairs="p.jsonl"), measured_sides("a word")),
        "p.jsonl: the direction was measured on all of its 1 sentences",
        files=PAIRS,
    ),
    Case(
        lambda: _prompts(Path("r/generations.jsonl")), "generations.jsonl: the run has lost its continuations"
    ),
    Case(
        RUN + "--from out/generations.jsonl --limit 1",
        "--limit: the continuations in the output folder are taken as they are",
        ExitCode.USAGE,
        {"out/generations.jsonl": '{"id": "a", "prompt": "b", "samples": [{"text": "c"}]}\n'},
    ),
    Case(
        RUN + "--from g.jsonl",
        "no prompt has a continuation",
        files={"g.jsonl": '{"prompt": "b", "samples": []}\n'},
    ),
    usage(
        lambda: MeasuredModel(EvalGenerationSettings(engine="server", **GIVEN), None, Silent()),
        "engine: candidates live in this process only",
    ),
    Case(
        lambda: read_template(Path("m")),
        "m/tokenizer_config.json: cannot be read",
        files={"m/tokenizer_config.json": "{"},
    ),
    Case(lambda: _finished(Path("f")), "f/features.json: is damaged", files={"f/features.json": "{"}),
    Case(
        lambda: read_retrieval(Path("r")), "r/summary.json: is no summary of", files={"r/summary.json": "{}"}
    ),
    Case(
        lambda: _of_runs([run_of({})] * 2), "--effect: the runs have no expected maximum toxicity in common"
    ),
    Case(
        lambda: _of_runs([run_of(MEASURED, "", "")] * 2), "--effect: no prompt of the runs says its language"
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_services(case: Case, told: Told) -> None:
    told(case)


def test_an_annotator_that_does_not_get_to_the_end(told: Told) -> None:
    asking = SynthPairsSettings(model="builtin:chat", input="-", output="-", max_new_tokens=1)
    settings = DemoSettings(output=Path("d"))
    files = {"d/train.jsonl": PAIRS["p.jsonl"]}
    said = "d/pairs.jsonl: the annotator wrote nothing that can be trained on"
    told(Case(lambda: demo.annotate(settings, asking, "train", "pairs", Silent()), said, files=files))


def test_what_an_intervention_cannot_do(told: Told, tiny_causal: Path) -> None:
    loaded = load_causal(find_model(str(tiny_causal)), "cpu")
    probe = LinearProbe(np.ones(32), site=ProbeSite())
    opened = Opened(loaded, load_neurons(loaded.model))
    layers: Any = SimpleNamespace(layers=("9",))
    said = "--layers: the model has no layer '9'"
    told(usage(lambda: ChosenDirection.of(layers, opened, probe, "p"), said))
    with torch.no_grad():
        loaded.model.lm_head.weight.mul_(2)
    how: Any = SimpleNamespace(seed=0, device="cpu", dtype="float32", trust_remote_code=False)
    check = lambda: check_baked(how, tiny_causal, loaded.model, nullcontext())  # noqa: E731
    told(Case(check, "the written model's logits are off by", FAILED))
    subject = SimpleNamespace(engine=SimpleNamespace(loop="generate"))
    work: Any = SimpleNamespace(subject=subject, settings=SimpleNamespace(positions="generated", model="m"))
    said = "--positions generated: what m keeps of tokens does not tell which of them it has written"
    told(usage(lambda: Work.loaded.func(work), said))
