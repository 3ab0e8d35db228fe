"""Quantised and pickled checkpoints as plain safetensors, which can be edited."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.dequantise import dequantise
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.pickled import only_pickled, write_safetensors
from tests.models.architectures import tiny_model

DOWN = "model.layers.1.mlp.down_proj.weight"
Tensors = dict[str, torch.Tensor]


def fp8_blocks(weight: torch.Tensor, stem: str) -> tuple[Tensors, torch.Tensor]:
    """Blocks of 24 x 20, which do not divide the weight."""
    rows, columns = -(-weight.shape[0] // 24), -(-weight.shape[1] // 20)
    scale = torch.rand(rows, columns) + 0.5
    whole = scale.repeat_interleave(24, 0).repeat_interleave(20, 1)[: weight.shape[0], : weight.shape[1]]
    packed = (weight / whole).to(torch.float8_e4m3fn)
    return {stem + "weight": packed, stem + "weight_scale_inv": scale}, packed.float() * whole


def fp8_rows(weight: torch.Tensor, stem: str) -> tuple[Tensors, torch.Tensor]:
    scale = torch.rand(len(weight), 1) + 0.5
    packed = (weight / scale).to(torch.float8_e5m2)
    stored = {stem + "weight": packed, stem + "weight_scale": scale, stem + "input_scale": torch.ones(1)}
    return stored, packed.float() * scale


def int8_asymmetric(weight: torch.Tensor, stem: str) -> tuple[Tensors, torch.Tensor]:
    scale, zero = torch.rand(len(weight), 1) * 0.01 + 0.001, torch.randint(-5, 5, (len(weight), 1))
    packed = torch.clamp((weight / scale).round() + zero, -128, 127).to(torch.int8)
    stored = {stem + "weight": packed, stem + "weight_scale": scale.bfloat16()}
    stored[stem + "weight_zero_point"] = zero.to(torch.int8)
    return stored, (packed.float() - zero) * scale.bfloat16().float()


def bnb_eight_bits(weight: torch.Tensor, stem: str) -> tuple[Tensors, torch.Tensor]:
    scale = weight.abs().amax(1)
    packed = (weight / scale[:, None] * 127).round().to(torch.int8)
    stored = {
        stem + "weight": packed,
        stem + "SCB": scale,
        stem + "weight_format": torch.zeros((), dtype=torch.uint8),
    }
    return stored, packed.float() * scale[:, None] / 127


def bnb_four_bits(weight: torch.Tensor, stem: str) -> tuple[Tensors, torch.Tensor]:
    """Random codes, whose scales are quantised again, as bitsandbytes lays them out."""
    codes, table = torch.randint(0, 16, (weight.numel(),)), torch.linspace(-1, 1, 16)
    blocks = -(-weight.numel() // 64)
    inner, outer = torch.randint(0, 256, (blocks,), dtype=torch.uint8), torch.rand(-(-blocks // 256)) + 0.1
    inner_table, offset = torch.linspace(-1, 1, 256), 0.25
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": list(weight.shape)}
    state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
    name, words = stem + "weight", list(json.dumps(state).encode())
    stored = {
        name: (codes[::2] * 16 + codes[1::2]).to(torch.uint8)[:, None],
        f"{name}.absmax": inner,
        f"{name}.quant_map": table,
        f"{name}.nested_absmax": outer,
        f"{name}.nested_quant_map": inner_table,
        f"{name}.quant_state.bitsandbytes__nf4": torch.tensor(words, dtype=torch.uint8),
    }
    scales = inner_table[inner.long()] * outer.repeat_interleave(256)[:blocks] + offset
    return stored, (table[codes] * scales.repeat_interleave(64)[: len(codes)]).reshape(weight.shape)


METHODS = {
    "fp8 in blocks": (fp8_blocks, {"quant_method": "fp8", "weight_block_size": [24, 20]}),
    "fp8 in rows": (fp8_rows, {"quant_method": "compressed-tensors", "format": "float-quantized"}),
    "int8": (int8_asymmetric, {"quant_method": "compressed-tensors", "format": "int-quantized"}),
    "bitsandbytes, 8 bits": (bnb_eight_bits, {"quant_method": "bitsandbytes", "load_in_8bit": True}),
    "bitsandbytes, 4 bits": (bnb_four_bits, {"quant_method": "bitsandbytes", "load_in_4bit": True}),
}


def quantised(folder: Path, how: str) -> Tensors:
    """Save a model whose matrices are quantised; the numbers that they stand for."""
    method, words = METHODS[how]
    tiny_model("llama").save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    torch.manual_seed(0)
    wanted: Tensors = {}
    for name in [name for name in tensors if "_proj.weight" in name]:
        stored, wanted[name] = method(tensors.pop(name), name.removesuffix("weight"))
        tensors |= stored
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "quantization_config": words, "dtype": "float32"})
    )
    return wanted


@pytest.mark.parametrize("how", METHODS)
def test_a_quantised_model_becomes_plain_numbers(how: str, tmp_path: Path) -> None:
    wanted = quantised(tmp_path / "source", how)
    with pytest.raises(BadData, match="are quantised"):
        open_checkpoint(tmp_path / "source")
    (tmp_path / "plain").mkdir()
    dequantise(open_checkpoint(tmp_path / "source", may_be_quantised=True), tmp_path / "plain")
    assert set(open_checkpoint(tmp_path / "plain").tensors) == set(tiny_model("llama").state_dict())
    model, report = AutoModelForCausalLM.from_pretrained(
        tmp_path / "plain", dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    for name, numbers in wanted.items():
        assert torch.allclose(model.state_dict()[name], numbers, rtol=1e-6, atol=0), name


@pytest.mark.parametrize("method", ["gptq", "awq", "mxfp4", "hqq"])
def test_what_cannot_be_undone_is_refused(method: str, tmp_path: Path) -> None:
    quantised(tmp_path / "source", "fp8 in rows")
    config = json.loads((tmp_path / "source" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method}
    (tmp_path / "source" / "config.json").write_text(json.dumps(config))
    (tmp_path / "plain").mkdir()
    with pytest.raises(BadData, match=rf"quantised \({method}\) and cannot be edited") as raised:
        dequantise(open_checkpoint(tmp_path / "source", may_be_quantised=True), tmp_path / "plain")
    assert "quantised from" in str(raised.value.hint) and not list((tmp_path / "plain").iterdir())


def pickled(folder: Path) -> Tensors:
    model = tiny_model("gemma")
    model.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    state = dict(reversed(model.state_dict().items()))
    torch.save(state, folder / "pytorch_model.bin")
    return state


def test_pickled_weights_become_safetensors_and_a_tied_head_is_stored_once(tmp_path: Path) -> None:
    state = pickled(tmp_path / "source")
    assert only_pickled(tmp_path / "source")
    (tmp_path / "safe").mkdir()
    write_safetensors(tmp_path / "source", tmp_path / "safe")
    assert not (tmp_path / "safe" / "pytorch_model.bin").exists()
    written = load_file(tmp_path / "safe" / "model.safetensors")
    assert set(state) - set(written) == {"lm_head.weight"}
    assert all(torch.equal(written[name], state[name]) for name in written)


def test_shards_of_pickles_are_read_through_their_index(tmp_path: Path) -> None:
    state = pickled(tmp_path / "source")
    names = sorted(state)
    places = {}
    for number, part in enumerate((names[:4], names[4:]), start=1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        torch.save({name: state[name] for name in part}, tmp_path / "source" / file)
        places |= dict.fromkeys(part, file)
    (tmp_path / "source" / "pytorch_model.bin").unlink()
    (tmp_path / "source" / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    (tmp_path / "safe").mkdir()
    write_safetensors(tmp_path / "source", tmp_path / "safe")
    checkpoint = open_checkpoint(tmp_path / "safe")
    assert checkpoint.sharded and set(state) - set(checkpoint.tensors) == {"lm_head.weight"}


class Evil:
    """What a pickle can do to those who load it."""

    def __reduce__(self):
        return os.mkdir, ("run-by-a-pickle",)


def test_a_pickle_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickled(tmp_path / "source")
    (tmp_path / "safe").mkdir()
    for state, how in ({"a": Evil()}, {}), ({"a": torch.ones(2)}, {"_use_new_zipfile_serialization": False}):
        torch.save(state, tmp_path / "source" / "pytorch_model.bin", **how)
        with pytest.raises(BadData, match="cannot be read as plain tensors"):
            write_safetensors(tmp_path / "source", tmp_path / "safe")
    path = tmp_path / "source" / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadData, match="cannot be read as plain tensors"):
        write_safetensors(tmp_path / "source", tmp_path / "safe")
    assert not (tmp_path / "run-by-a-pickle").exists()
