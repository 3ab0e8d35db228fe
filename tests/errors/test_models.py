"""Folders of models, probes and lists of neurons that are not whole."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from detox_cli.generation.chat import use_template
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.neurons.listing import read_neurons
from detox_cli.models.probes.files import read_probe
from detox_cli.models.probes.published import read_published
from tests.errors.case import Case

Told = Callable[[Case], None]
INDEX = "m/model.safetensors.index.json"
CONFIG = {"m/config.json": "{}"}
WHOLE = save({"a": np.zeros(4, np.float32)})


def opened(said: str, files: dict[str, str | bytes]) -> Case:
    """A folder of a model whose files cannot be used."""
    return Case(lambda: open_checkpoint("m").tensors, said, files=CONFIG | files)


def header(values: object) -> bytes:
    """A safetensors file with a header of one's own and four bytes of numbers."""
    text = json.dumps(values).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 4


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
CASES = [
    opened("m: has neither model.safetensors nor", {}),
    opened("m: has only pickled weights", {"m/pytorch_model.bin": b"x"}),
    opened("its weight_map should say which file", {INDEX: "{}"}),
    opened("names no file", {INDEX: '{"weight_map": {}}'}),
    opened(
        "m: lacks a.safetensors, which its index names", {INDEX: '{"weight_map": {"a": "a.safetensors"}}'}
    ),
    opened(
        "names '../a.safetensors', which is no file of", {INDEX: '{"weight_map": {"a": "../a.safetensors"}}'}
    ),
    opened("m/config.json: is no JSON", {"m/config.json": "{", "m/model.safetensors": WHOLE}),
    opened("m/config.json: should hold an object", {"m/config.json": "[]", "m/model.safetensors": WHOLE}),
    opened("is no safetensors file, or cut off", {"m/model.safetensors": b"x"}),
    opened("has a damaged header", {"m/model.safetensors": header([1])}),
    opened(
        "the place of a does not fit its shape",
        {"m/model.safetensors": header({"a": ENTRY | {"shape": [2]}})},
    ),
    opened("is 2 bytes too long", {"m/model.safetensors": header({"a": ENTRY}) + b"xx"}),
    Case(lambda: read_anatomy({"model_type": "x", "hidden_size": 4}, {}), "the family x is not known"),
    Case(
        lambda: read_anatomy({"model_type": "llama"}, {}),
        "config.json: the configuration has none of hidden_size",
    ),
    Case(
        lambda: read_anatomy({"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 1}, {}),
        "no tensor of a first layer",
    ),
    Case(
        lambda: read_anatomy({"model_type": "x", "hidden_size": 4, "num_hidden_layers": 1}, {}, targets="("),
        "the targets are no regular",
    ),
    Case(lambda: read_published("p.pt"), "p.pt: there is no such probe"),
    Case(lambda: read_neurons(Path("n.json")), "n.json: there is no such list of neurons"),
    Case(lambda: read_probe("p"), "there is no probe"),
    Case(
        lambda: use_template(None, Path("c.jinja")),
        "c.jinja: cannot be read as a chat template",
        files={"c.jinja": b"\xff"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_folders(case: Case, told: Told) -> None:
    told(case)


PICKLED = [
    (torch.full((2,), torch.nan), "is no usable probe"),
    (torch.zeros(3, 2), "holds weights of shape (3, 2), which is no probe"),
    ({"weight": 1}, "holds no weight of a linear layer"),
    ([1], "holds a list, which is no probe"),
]


@pytest.mark.parametrize(("content", "said"), PICKLED)
def test_published_probes(content: object, said: str, told: Told, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "p.pt")
    told(Case(lambda: read_published("p.pt"), said))
