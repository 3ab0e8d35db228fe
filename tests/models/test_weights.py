"""Quantization and attention: what is asked for is there, or the fix is said."""

import json
from importlib.util import find_spec

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MambaConfig

from detox_cli.errors import Missing
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request, Sampling, Turn
from detox_cli.models import weights
from detox_cli.models.adapters import find_adapter
from detox_cli.models.sources import find_model
from detox_cli.models.weights import WeightForm

CHAT = find_model("builtin:chat")
TALK = (Turn("system", "Rewrite the text."), Turn("user", "this is a silly idea"))
REQUESTS = [Request("text", "The weather is", seed=1, samples=8), Request("talk", TALK, seed=2, samples=3)]
DRAWN = Sampling(max_new_tokens=12, temperature=1.0, top_p=0.9)
needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)
GPU, CPU = torch.device("cuda"), torch.device("cpu")


def answers(engine, sampling, done=()):
    return list(engine.generate(REQUESTS, sampling, done))


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
    assert flash.code == 4 and "needs a GPU, and the model is on the cpu" in flash.err
    monkeypatch.setattr(weights, "is_flash_attn_2_available", lambda: False)
    with pytest.raises(Missing, match="not installed") as raised:
        arguments(WeightForm(attention="flash_attention_2"))
    assert "pip install flash-attn" in str(raised.value.hint)
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    absent = detox(*words, "--quantize", "4bit")
    assert absent.code == 4 and "pip install 'detox-cli[quantize]'" in absent.err
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: object())
    with pytest.raises(Missing, match="not known to work on mps"):
        arguments(WeightForm("8bit"), place=torch.device("mps"))


def test_eager_attention_writes_the_same(tiny_causal):
    asked, greedy = [Request("1", "Please read the", 0)], Sampling(temperature=0, max_new_tokens=12)
    engines = [
        load_engine(find_model(str(tiny_causal)), device="cpu", form=WeightForm(attention=name))
        for name in ("sdpa", "eager")
    ]
    assert [engine.identity["attention"] for engine in engines] == ["sdpa", "eager"]
    first, second = (next(engine.generate(asked, greedy)) for engine in engines)
    assert first == second


@needs_bitsandbytes
@pytest.mark.parametrize(("width", "share"), [("4bit", 0.45), ("8bit", 0.55)])
def test_fewer_bits_take_less_memory_and_the_fast_loop_still_holds(width, share):
    engine = load_engine(CHAT, device="cpu", form=WeightForm(width), warn=pytest.fail)
    whole = load_engine(CHAT, device="cpu")
    assert engine.model.get_memory_footprint() < share * whole.model.get_memory_footprint()
    assert (engine.identity["quantize"], engine.identity["loop"]) == (width, whole.loop)
    found, wanted = answers(engine, DRAWN), answers(whole, DRAWN)
    shape = [(one.id, one.seed, one.prompt_tokens, len(one.samples)) for one in wanted]
    assert [(one.id, one.seed, one.prompt_tokens, len(one.samples)) for one in found] == shape
    assert answers(engine, DRAWN) == found != wanted
    assert answers(engine, DRAWN, done={"talk"}) == [one for one in found if one.id != "talk"]


@needs_bitsandbytes
def test_the_outlier_columns_are_put_back_after_the_proof():
    engine = load_engine(CHAT, device="cpu", form=WeightForm("8bit"))
    layers = [module for module in engine.model.modules() if type(module).__name__ == "Linear8bitLt"]
    assert len(layers) == 7 * 4 and {layer.state.threshold for layer in layers} == {6.0}


@needs_bitsandbytes
def test_an_adapter_stays_beside_quantized_weights(tmp_path):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(CHAT.location, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    get_peft_model(base, config).save_pretrained(tmp_path)
    adapter, ids = find_adapter(str(tmp_path)), torch.arange(5, 45)[None]

    def logits(**given):
        with torch.inference_mode():
            return load_engine(CHAT, device="cpu", **given).model(ids).logits

    quantized = WeightForm("8bit")
    adapted = logits(form=quantized, adapter=adapter)
    rounding = (adapted - logits(adapter=adapter)).abs().mean()
    assert 0 < 5 * rounding < (adapted - logits(form=quantized)).abs().mean()


@needs_bitsandbytes
def test_pairs_are_written_with_fewer_bits_and_say_so(tmp_path, detox):
    (tmp_path / "toxic.txt").write_text("what a silly idea\nthis is useless rubbish\n")
    pairs = tmp_path / "pairs.jsonl"
    words = ("synth", "pairs", tmp_path / "toxic.txt", "-m", "builtin:chat", "-o", pairs)
    done = detox(*words, "--quantize", "4bit", "--device", "cpu")
    assert done.code == 0 and "MatMul8bitLt" not in done.err and "kernels" not in done.err
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert len(rows) == 2 and all(row["neutral"] for row in rows)
    assert {row["model_fingerprint"] for row in rows} == {f"{CHAT.fingerprint}+4bit"}
