"""Work whose inputs turn out to hold nothing that can be used."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.errors import ExitCode
from detox_cli.explain import explain
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.server_engine import ServerEngine, find_served
from detox_cli.models.activations.moments import Moments
from detox_cli.models.direction_file import Measured
from detox_cli.models.loading import load_causal
from detox_cli.models.rewriting import KEY
from detox_cli.models.sources import find_model
from detox_cli.services.abliterate.choice.candidates import Strengths, all_candidates
from detox_cli.services.abliterate.choice.probes import Probes
from detox_cli.services.abliterate.measure import token_ids
from detox_cli.services.abliterate.recipe import named_removal
from detox_cli.services.eval_generation import divergence
from detox_cli.services.eval_generation.files import read_generations
from detox_cli.services.merge.folding import compare_logits
from detox_cli.services.merge.stacked_config import stacked_config
from detox_cli.services.probe.prompts import asked_of
from detox_cli.services.probe_intervene.matched import usual_coefficients
from detox_cli.services.probe_retrieval.effect import effects_of
from detox_cli.services.scoring_there import Scoring
from detox_cli.services.synth_chain.fillers import find_filler
from detox_cli.settings.abliterate import AbliterateSettings
from tests.errors.case import Case, usage
from tests.generation.faulty_server import faulty_server

Told = Callable[[Case], None]
FAILED = ExitCode.FAILED
WORD = {"p.txt": "a word\n", "p.jsonl": '{"toxic": "a", "neutral": "b"}\n'}
ANSWERED = {"prompt": "a", "outputs": "b", "ok": True, "verdict": 1, "masked": 1, "rephrased": 1}
NO_RUN = {"r/detox.json": "{}", "r/summary.json": "{}", "r/scores.jsonl": ""}


def moments(value: float) -> Moments:
    """Of one prompt, one position, one layer, two dimensions."""
    numbers = np.full((1, 1, 2), value)
    return Moments(np.array([1]), numbers, numbers**2, numbers)


SAME = Measured(moments(1.0), moments(1.0), "files", "m")
OTHER = Measured(moments(1.0), moments(2.0), "files", "m")


def named(**given: object) -> Callable[[], object]:
    """A direction taken by hand."""
    return lambda: named_removal(OTHER, AbliterateSettings(model="m", output=Path("out"), **given))


def explained() -> None:
    try:
        TypeAdapter(dict[str, int]).validate_python({"a": "b"})
    except ValidationError as error:
        raise explain(error) from error


CASES = [
    Case(lambda: all_candidates(SAME, ["zero"], Strengths(1.0, 1.0, 1.0, None)), "do not differ anywhere"),
    Case(lambda: Probes(None, [], [(1,)], []), "there are no positive prompts to choose with"),
    usage(named(position=-2, layer="0"), "--position: -2 was not measured, -1 to -1 were"),
    usage(named(position=-1, layer="each", mode=("affine",)), "--layer: affine removal is one direction"),
    Case(
        lambda: effects_of(["e.csv"], 0, 100),
        "column 'effect' holds no number",
        files={"e.csv": "lang,effect\nde,x\n"},
    ),
    Case(
        lambda: read_generations("g.jsonl", Rejects()),
        "g.jsonl: holds no continuations: prompt or output is not text",
        files={"g.jsonl": '{"input": "b", "output": ["c"]}\n'},
    ),
    Case(
        lambda: read_generations("g.jsonl", Rejects()),
        "g.jsonl:1: its answers are no lists",
        files={"g.jsonl": json.dumps(ANSWERED) + "\n"},
    ),
    usage(explained, "a: Input should be a valid integer"),
    usage(lambda: find_filler(SimpleNamespace(), "infill", 5), "--fill-mode: a served model is not asked to"),
    Case("eval compare r r -o out", "no run that this version can read", files=NO_RUN),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_work(case: Case, told: Told) -> None:
    told(case)


def test_a_server_that_cannot_do_what_is_asked(told: Told) -> None:
    with faulty_server() as server:
        told(
            usage(
                "synth preferences m -o out.jsonl --scorers builtin:toxicity --prompts p.txt --engine server "
                f"--base-url {server.url} --prompt-tokens 3",
                "--prompt-tokens: prompts of a served model cannot be cut",
                **WORD,
            )
        )
        measured = f"eval generation m --engine server --base-url {server.url} --prompts p.txt -o out "
        measured += "--scorers builtin:toxicity --judge builtin:lm "
        told(
            usage(measured + "--prompt-tokens 3", "--prompt-tokens: prompts of a served model cannot be cut")
        )
        told(usage(measured + "--kl-to builtin:lm", "--kl-to: this needs the model in this process"))
    with faulty_server(rule=lambda _: (418, {}, '{"message": "no tea"}')) as server:
        engine = ServerEngine(find_served(server.url, "m", None))
        request = Request("r", "a word", 0)
        told(
            Case(
                lambda: list(engine.generate([request], Sampling(4))),
                "r: the server refuses it with 418",
                FAILED,
            )
        )


def test_prompts_that_do_not_fit(told: Told, tiny_causal: Path) -> None:
    loaded = load_causal(find_model(str(tiny_causal)), "cpu")
    read = PromptReader(loaded.tokenizer, loaded.model.config)
    long = [Prompt(id="a", text="word " * 600, where="p.txt:1")]
    asked: Any = SimpleNamespace(id="a", request=lambda: Request("a", long[0].text, 0))
    told(Case(lambda: token_ids(read, [asked]), "a: prompt of"))
    engine = SimpleNamespace(reader=read)
    told(Case(lambda: divergence._ids(engine, long, 1), "p.txt:1: prompt of"))
    told(Case(lambda: asked_of(loaded, long, 1, Rejects()), "p.txt:1: the model can continue none of 1"))
    few = "has fewer than 128 tokens"
    told(Case(lambda: usual_coefficients(None, loaded.tokenizer, None, [], "a word"), few))


def test_machines_of_a_cluster_that_have_other_files(told: Told) -> None:
    scorer = SimpleNamespace(identity="two")
    there = Scoring(lambda: scorer, "one", [])
    told(
        usage(lambda: there.open(print), "--engine ray: a scorer is another one on a machine of the cluster")
    )


def test_folders_that_cannot_be_compared(told: Told, tiny_causal: Path) -> None:
    config = json.loads((tiny_causal / "config.json").read_text())
    merge: Any = SimpleNamespace(
        models=SimpleNamespace(reference=SimpleNamespace(weights=SimpleNamespace(name="m")))
    )
    told(Case(lambda: stacked_config({"model_type": "x"}, merge), "m: config.json holds none of"))
    told(
        Case(
            lambda: compare_logits(Path("m"), None, Path("m"), {}),
            "m: has no tokenizer to compare with",
            files={"m/config.json": json.dumps(config)},
        )
    )
    whole = {f"n/{one.name}": one.read_bytes() for one in tiny_causal.iterdir() if one.is_file()}
    odd = json.dumps(config | {"architectures": ["T"], "model_type": "vit"})
    told(
        Case(
            lambda: compare_logits(Path("n"), None, Path("n"), {}),
            "n: cannot be run",
            files=whole | {"n/config.json": odd},
        )
    )


def test_a_filler_that_does_not_say_how_it_is_asked(told: Told, tiny_t5: Path) -> None:
    files = {f"m/{one.name}": one.read_bytes() for one in tiny_t5.iterdir() if one.is_file()}
    settings = json.loads(files["m/tokenizer_config.json"]) | {"mask_token": None}
    files |= {"m/tokenizer_config.json": json.dumps(settings).encode(), "p.txt": b"a word\n"}
    done = "synth chain builtin:lm --prompts p.txt --profile offline -o out --filler m"
    told(Case(done, "--filler: how m fills masks cannot be told", ExitCode.USAGE, files))


def test_rows_that_do_not_fill_the_frame_of_a_rewriter(told: Told, tiny_seq2seq: Path) -> None:
    files = {f"m/{one.name}": one.read_bytes() for one in tiny_seq2seq.iterdir() if one.is_file()}
    framed = json.loads(files["m/config.json"]) | {KEY: {"template": "{lang}: {text}"}}
    files |= {"m/config.json": json.dumps(framed).encode(), "p.txt": b"a word\n"}
    said = "p.txt: no row has what the model's template names: {lang}: {text}"
    told(Case("generate m p.txt", said, files=files))
