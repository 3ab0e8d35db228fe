"""Quantization and attention: what is asked for is there, or the fix is said."""

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MambaConfig

from detox_cli.errors import Missing
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models import weights
from detox_cli.models.sources import find_model
from detox_cli.models.weights import WeightForm

GPU, CPU = torch.device("cuda"), torch.device("cpu")


def arguments(form: WeightForm, config=None, place=GPU, dtype=torch.bfloat16):
    return form.arguments(AutoModelForCausalLM, config or LlamaConfig(), place, dtype)


def test_auto_is_flash_attention_only_where_everything_has_it(monkeypatch):
    assert arguments(WeightForm()) == {}
    monkeypatch.setattr(weights, "is_flash_attn_2_available", lambda: True)
    assert arguments(WeightForm()) == {"attn_implementation": "flash_attention_2"}
    assert arguments(WeightForm(), dtype="auto", config=LlamaConfig(dtype=torch.float16)) != {}
    assert arguments(WeightForm(attention="sdpa")) == {"attn_implementation": "sdpa"}
    for without in ({"place": CPU}, {"dtype": torch.float32}, {"config": MambaConfig()}):
        assert arguments(WeightForm(), **without) == {}


def test_what_is_not_here_is_said_with_its_fix(monkeypatch, tiny_causal, tmp_path, detox):
    (tmp_path / "prompts.txt").write_text("You know\n")
    words = ("generate", tiny_causal, tmp_path / "prompts.txt", "--device", "cpu")
    flash = detox(*words, "--attention", "flash_attention_2")
    assert flash.code == 4 and "pip install flash-attn" in flash.err
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    absent = detox(*words, "--quantize", "4bit")
    assert absent.code == 4 and "pip install 'detox-cli[quantize]'" in absent.err
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: object())
    with pytest.raises(Missing, match="needs a GPU"):
        arguments(WeightForm("8bit"), place=CPU)


def test_eager_attention_writes_the_same(tiny_causal):
    asked, greedy = [Request("1", "Please read the", 0)], Sampling(temperature=0, max_new_tokens=12)
    engines = [
        load_engine(find_model(str(tiny_causal)), device="cpu", form=WeightForm(attention=name))
        for name in ("sdpa", "eager")
    ]
    assert [engine.identity["attention"] for engine in engines] == ["sdpa", "eager"]
    first, second = (next(engine.generate(asked, greedy)) for engine in engines)
    assert first == second
