"""Adapters are checked before anything is loaded, and change the model as peft does."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from detox_cli.errors import BadSettings, Missing
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.adapter_fit import check_fit
from detox_cli.models.adapters import find_adapter, with_adapter
from detox_cli.models.loading import load_causal, read_config
from detox_cli.models.sources import find_model

IDS = torch.tensor([[0, 20, 30, 40]])


@pytest.fixture
def adapter(tiny_causal: Path, tmp_path: Path) -> Path:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(
        r=2,
        rank_pattern={"layers.1.self_attn.v_proj": 4},
        target_modules=["q_proj", "v_proj"],
        init_lora_weights=False,
    )
    get_peft_model(load(tiny_causal), config).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def load(folder: Path):
    return load_causal(find_model(str(folder)), "cpu").model


@torch.inference_mode()
def test_merged_or_kept_the_adapter_gives_the_logits_of_peft(tiny_causal, adapter):
    from peft import PeftModel

    found = find_adapter(str(adapter))
    assert found.rank == 4
    wanted = PeftModel.from_pretrained(load(tiny_causal), adapter)(IDS).logits
    assert not torch.allclose(load(tiny_causal)(IDS).logits, wanted, atol=1e-3)
    for merge in (True, False):
        model = with_adapter(load(tiny_causal), found, merge=merge)
        torch.testing.assert_close(model(IDS).logits, wanted, atol=1e-5, rtol=1e-5)
        assert type(model) is type(load(tiny_causal))


def test_an_adapter_is_part_of_the_fingerprint(tiny_causal, adapter, tmp_path, detox):
    source = find_model(str(tiny_causal))
    engine = load_engine(source, device="cpu", adapter=find_adapter(str(adapter)))
    asked = [Request("1", "You know", 0)]
    plain = next(load_engine(source, device="cpu").generate(asked, Sampling(temperature=0)))
    assert next(engine.generate(asked, Sampling(temperature=0))).samples != plain.samples
    (tmp_path / "prompts.txt").write_text("You know\n")
    words = ("generate", tiny_causal, tmp_path / "prompts.txt", "--temperature", "0", "--device", "cpu")
    outcome = detox(*words, "--adapter", adapter)
    row = json.loads(outcome.out)
    assert row["model_fingerprint"] == f"{source.fingerprint}+{engine.identity['adapter']}"
    assert row["output"] != plain.samples[0].text


def test_what_is_no_adapter_of_this_model_is_refused(tiny_causal, tiny_gpt2, adapter, tmp_path):
    with pytest.raises(BadSettings, match="does not fit the model"):
        with_adapter(load(tiny_gpt2), find_adapter(str(adapter)), merge=True)
    with pytest.raises(Missing, match="no such adapter folder"):
        find_adapter(str(tmp_path / "nowhere"))
    with pytest.raises(BadSettings, match=r"adapter_config.json is missing"):
        find_adapter(str(tiny_causal))
    pickled = Path(shutil.copytree(adapter, tmp_path / "pickled"))
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(BadSettings, match=r"adapter_model.safetensors is missing"):
        find_adapter(str(pickled))
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"peft_type": "IA3"}))
    with pytest.raises(BadSettings, match="of the kind IA3"):
        find_adapter(str(adapter))


def test_an_adapter_that_lacks_weights_is_refused(tiny_causal, adapter):
    from safetensors.torch import load_file, save_file

    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in weights if "lora_B" in name))
    save_file(weights, path)
    with pytest.raises(BadSettings, match=r"does not fit the model: .*missing"):
        with_adapter(load(tiny_causal), find_adapter(str(adapter)), merge=True)


def test_whether_it_fits_is_told_from_shapes_without_weights(tiny_causal, tiny_gpt2, adapter, tmp_path):
    from peft import LoraConfig, get_peft_model

    llama, gpt2 = (read_config(find_model(str(folder))) for folder in (tiny_causal, tiny_gpt2))
    check_fit(find_adapter(str(adapter)), llama)
    with pytest.raises(BadSettings, match=r"for model.layers.0.self_attn.q_proj, which the model lacks"):
        check_fit(find_adapter(str(adapter)), gpt2)
    llama.hidden_size, llama.head_dim = 48, 12
    with pytest.raises(BadSettings, match=r"it has \(2, 32\) for .*q_proj, which is \(48, 48\) in the model"):
        check_fit(find_adapter(str(adapter)), llama)
    targets = LoraConfig(r=2, target_modules=["c_attn", "wte"], init_lora_weights=False)
    get_peft_model(load(tiny_gpt2), targets).save_pretrained(tmp_path / "other")
    check_fit(find_adapter(str(tmp_path / "other")), gpt2)
    gpt2.vocab_size = 401
    with pytest.raises(BadSettings, match=r"wte"):
        check_fit(find_adapter(str(tmp_path / "other")), gpt2)
