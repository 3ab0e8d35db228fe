"""Small parts that are asked for what they cannot do."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from detox_cli.completion.install import completion, install_path
from detox_cli.data.chains.stored import FILE, stored_template
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.rejects import Rejects
from detox_cli.errors import ExitCode
from detox_cli.generation.batch_run import start_token
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.requests import Request, Sampling, Turn
from detox_cli.generation.server_engine import ServerEngine, find_served
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.comparison.drift import check_same_parameters
from detox_cli.models.hooks import stream_of
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.merging.method import NOTHING
from detox_cli.models.merging.methods.linear import linear
from detox_cli.models.merging.plan import stored_types
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.stages import read_stages
from detox_cli.models.merging.vocabulary import read_tokens
from detox_cli.models.neurons.experts import run_experts
from detox_cli.models.neurons.final_norm import final_norm
from detox_cli.models.pickled import write_safetensors
from detox_cli.models.probes.files import read_probe, save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.scoring.losses import checked
from detox_cli.scoring.perspective_answers import read_recorded
from detox_cli.services.train_cmd.adapters import published_targets
from detox_cli.services.train_lm.folder import experts_in
from detox_cli.services.training.trackers import find_tracker
from tests.errors.case import Case, usage
from tests.generation.faulty_server import faulty_server
from tests.models.architectures import tiny_model
from tests.models.test_anatomy import shapes_of

Told = Callable[[Case], None]
MODEL: Any = SimpleNamespace(name="m", source=SimpleNamespace(name="m"))
NO_START: Any = SimpleNamespace(decoder_start_token_id=None)
PICKLES = {"m/config.json": "{}", "m/pytorch_model.bin.index.json": "{"}
PAIRS = {"p.jsonl": '{"toxic": "a", "neutral": "b"}\n'}
KINDLESS = SimpleNamespace(config=SimpleNamespace(model_type="x"))
TEXTS = {"t.txt": "a word\n"}


def stored(content: str, said: str) -> Case:
    return Case(lambda: stored_template(Path("d")), said, files={f"d/{FILE}": content})


def answer(score: float) -> str:
    found = {"attributeScores": {"TOXICITY": {"summaryScore": {"value": score}}}}
    return json.dumps({"query": "a", "response": found}) + "\n"


def recipe(dtype: str | None) -> Any:
    return SimpleNamespace(dtype=dtype)


CASES = [
    usage("completion bash --install --uninstall", "--install and --uninstall exclude each other"),
    stored("{", "cannot be read as a chain template"),
    stored("[]", "a chain template is a JSON object"),
    Case(
        lambda: read_preferences("a.jsonl", Rejects()),
        "a.jsonl: none of its rows is a preference",
        files={"a.jsonl": '{"prompt": "a", "chosen": "", "rejected": "b"}\n'},
    ),
    usage(
        lambda: start_token(SimpleNamespace(generation_config=NO_START, config=NO_START)),
        "the model does not say which token its decoder starts from",
    ),
    Case(lambda: open_checkpoint("m").config, "m/config.json: is missing", files={"m/x": ""}),
    Case(lambda: stored_types(recipe(None), {"a": "I32"}, "m"), "m: a is stored as I32, which cannot be"),
    usage(lambda: linear(None, Values((1.0, -1.0), normalize=True), NOTHING), "add up to zero"),
    Case(lambda: read_stages([1], "r.yml", Path("s")), "r.yml: recipe 1 should be a mapping"),
    Case(lambda: read_tokens(Path("m")), "m/tokenizer.json: is missing: tokens cannot be compared"),
    Case(lambda: read_tokens(Path("m")), "cannot be read as a tokenizer", files={"m/tokenizer.json": "[]"}),
    Case(lambda: run_experts(torch.nn.Tanh(), (1, 2), print), "a Tanh is no known form of experts"),
    Case(lambda: final_norm(None, SimpleNamespace(family="x")), "the final norm of a x is not known"),
    Case(lambda: write_safetensors(Path("m"), Path("o")), "is no index of weights", files=PICKLES),
    Case(
        lambda: write_safetensors(Path("m"), Path("o")),
        "m: lacks a.bin, which its index names",
        files=PICKLES | {"m/pytorch_model.bin.index.json": '{"weight_map": {"a": "a.bin"}}'},
    ),
    Case(lambda: stream_of({"a": 1}), "a block returned a dict, which holds no", ExitCode.FAILED),
    Case(lambda: checked(float("nan"), MODEL), "m predicts what is not a number", ExitCode.FAILED),
    Case(
        lambda: read_recorded(Path("a.jsonl"), "TOXICITY"),
        "a.jsonl:2: the same text has another score in an earlier line",
        files={"a.jsonl": answer(0.1) + answer(0.2)},
    ),
    Case(
        lambda: check_same_parameters({"a": torch.ones(1)}, {"b": torch.ones(1)}),
        "the models do not have the same tensors: a, b",
    ),
    Case(
        lambda: check_same_parameters(*[{"a": torch.ones(1, dtype=torch.int8)}] * 2),
        "a is held in few bits, which cannot be compared",
    ),
    usage("profile show ./p.toml", "`extends` must be a profile's name", **{"p.toml": "extends = 3\n"}),
    usage("abliterate builtin:chat -o out --measure-only --choose-only", "exclude each other"),
    usage("abliterate builtin:chat -o out --adapter --mode norm-preserving", "an adapter cannot keep norms"),
    usage("abliterate builtin:chat -o out --blockwise --contrast task", "--blockwise: a model that is read"),
    Case("merge --recipe none.yml -o out", "none.yml: there is no such file"),
    usage("train dpo builtin:lm --data p.jsonl -o out --dora", "--dora: there is no adapter"),
    Case(
        lambda: find_tracker("nothing"), "--tracker: the tracker nothing is not installed", ExitCode.MISSING
    ),
    usage(lambda: published_targets(KINDLESS), "--target: auto knows no layers of x"),
    Case("merge builtin:lm d -o out", "is no JSON", files={"d/adapter_config.json": "{"}),
    usage(
        "merge builtin:lm d -o out",
        "does not say which model it is for",
        **{"d/adapter_config.json": "{}"},
    ),
    usage("train bart p.jsonl p.jsonl --model builtin:bart -o out", "is given twice", **PAIRS),
    usage(
        "train bart p.jsonl --model builtin:bart -o out --prefix a --template 'b {text}'",
        "--prefix and --template exclude each other",
        **PAIRS,
    ),
    usage("train lm builtin:lm --data t.txt --data t.txt -o out", "is given twice", **TEXTS),
    usage("train spans builtin:toxicity --data t.jsonl --data t.jsonl -o out", "is given twice"),
    Case(
        "train lm builtin:lm --data t.txt -o out --split 3 --eval-share 0", "texts are too few", files=TEXTS
    ),
    usage(lambda: experts_in(Path("d")), "no run of detox train lm has written this"),
    usage(
        "train cmd builtin:lm --data c.jsonl -o out --mode direct",
        "--mode: this file has its chains as text",
        **{"c.jsonl": '{"output": "a", "cl_template": "b"}\n'},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_parts(case: Case, told: Told) -> None:
    told(case)


def test_a_script_of_somebody_else(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    place = install_path("bash")
    place.parent.mkdir(parents=True)
    place.write_text("# mine")
    told(Case(lambda: completion("bash", install=True), "was not written by detox", ExitCode.FAILED))


def test_what_an_encoder_decoder_cannot_do(told: Told, tiny_tokenizer: Path) -> None:
    config = SimpleNamespace(is_encoder_decoder=True, max_position_embeddings=9)
    tokenizer = load_tokenizer(SimpleNamespace(location=str(tiny_tokenizer), revision=None, name="m"))
    reader = PromptReader(tokenizer, config)
    told(usage(lambda: reader.read([Request("r", "a", 0, lead="b")]), "answers cannot be begun for it"))
    turn = Request("r", (Turn("user", "a"),), 0)
    told(usage(lambda: reader.read([turn]), "an encoder-decoder reads text, not a conversation"))
    config.is_encoder_decoder = False
    odd = Request("r", (Turn("assistant", "a"),), 0)
    told(Case(lambda: PromptReader(tokenizer, config).read([odd]), "a conversation is (system,) user"))


def test_an_answer_that_a_server_cannot_go_on_with(told: Told) -> None:
    with faulty_server() as server:
        engine = ServerEngine(find_served(server.url, "m", None))
        led = [Request("r", "a", 0, lead="b")]
        told(usage(lambda: list(engine.generate(led, Sampling(4))), "a server's answers cannot be begun"))


def test_tensors_of_another_shape(told: Told) -> None:
    model = tiny_model("gpt2")
    config, shapes = model.config.to_dict(), shapes_of(model)
    weight = next(name for name in shapes if name.endswith("0.mlp.c_proj.weight"))
    bias = weight.replace("weight", "bias")
    told(
        Case(lambda: read_anatomy(config, shapes | {weight: (4, 4)}), "with a stream of 64, found is [4, 4]")
    )
    told(Case(lambda: read_anatomy(config, shapes | {bias: (4,)}), "should end in 64 columns, found is [4]"))
    model = tiny_model("mixtral")
    without = {k: v for k, v in model.config.to_dict().items() if "experts" not in k}
    told(Case(lambda: read_anatomy(without, shapes_of(model)), "the configuration has none of num_local"))


def test_what_lies_beside_a_probe(told: Told, tmp_path: Path) -> None:
    save_probe(tmp_path / "p.safetensors", LinearProbe(np.ones(2), site=ProbeSite()))
    (tmp_path / "p.json").write_text("{")
    told(Case(lambda: read_probe("p.safetensors"), "p.json: cannot be read"))
    (tmp_path / "p.json").write_text("{}")
    told(Case(lambda: read_probe("p.safetensors"), "p.json: does not describe a probe"))
