"""A model read block by block from its files gives the same statistics, bit for bit, as one in memory."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.utils import OffloadedWeightsLoader

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.activations import blockwise
from detox_cli.models.activations.blockwise import collect_blockwise
from detox_cli.models.activations.collect import collect
from detox_cli.models.sources import ModelSource
from tests.models.activations.test_collect import POSITIONS, WINDOWS, Watch, sets
from tests.models.architectures import tiny_model
from tests.models.test_anatomy import anatomy_of

FAMILIES = (
    *("llama", "mistral", "gemma3_text", "phi3", "gpt2", "gptj", "gpt_neo", "bloom", "opt", "falcon"),
    *("mixtral", "deepseek_v3", "gpt_oss", "gemma4_text", "qwen3_next", "jamba"),
)


def saved(model, folder: Path) -> ModelSource:
    model.save_pretrained(folder, max_shard_size="60KB")
    return ModelSource(str(folder), str(folder), "folder")


@pytest.mark.parametrize("family", FAMILIES)
def test_statistics_are_those_of_the_model_in_memory(family: str, tmp_path: Path) -> None:
    model = tiny_model(family, **WINDOWS.get(family, {}))
    whole = collect(model, anatomy_of(model), sets(), POSITIONS, batch_tokens=40)
    source = saved(model, tmp_path / "model")
    found = collect_blockwise(source, sets(), POSITIONS, batch_tokens=40, scratch=tmp_path)
    for name in whole:
        for part in ("count", "mean", "mean_square", "largest"):
            assert np.array_equal(getattr(found[name], part), getattr(whole[name], part), equal_nan=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_every_weight_of_a_block_is_read_once_and_given_back(tmp_path: Path, monkeypatch) -> None:
    model = tiny_model("llama", num_hidden_layers=4)
    source, read = saved(model, tmp_path / "model"), Counter()
    fetch = OffloadedWeightsLoader.__getitem__

    def counted(self, key: str):
        read[key] += 1
        return fetch(self, key)

    loaded, load, held = [], blockwise._load_in_files, []

    def remembered(*args):
        loaded.append(load(*args))
        return loaded[0]

    def look() -> None:
        blocks = loaded[0][0].model.layers.parameters()
        held.append(sum(parameter.device.type != "meta" for parameter in blocks))

    monkeypatch.setattr(OffloadedWeightsLoader, "__getitem__", counted)
    monkeypatch.setattr(blockwise, "_load_in_files", remembered)
    collect_blockwise(source, sets(), POSITIONS, batch_tokens=20, progress=Watch(look))
    inside = {name: many for name, many in read.items() if ".layers." in name}
    weights = [name for name, _ in model.named_parameters() if ".layers." in name]
    assert inside == dict.fromkeys(weights, 1)
    order = [name.split(".")[2] for name in inside]
    assert order == sorted(order) and held == [0, 0, 0, 0]


def test_numbers_that_are_not_finite_are_named_by_layer_and_prompt(tmp_path: Path) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    source = saved(model, tmp_path / "model")
    with pytest.raises(BadData, match=r"positive prompt 3: the residual stream after layer 1 holds"):
        collect_blockwise(source, sets(), POSITIONS, scratch=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_blocks_that_share_keys_and_values_are_refused(tmp_path: Path) -> None:
    layers = {"num_hidden_layers": 4, "layer_types": ["full_attention"] * 4, "num_kv_shared_layers": 2}
    source = saved(tiny_model("gemma4_text", **layers), tmp_path / "model")
    with pytest.raises(BadSettings, match="the last 2 blocks use keys and values of others"):
        collect_blockwise(source, sets(), POSITIONS)
