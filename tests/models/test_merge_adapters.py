"""Adapters as models to merge: what is worked out by rows is what peft makes of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.conftest import Outcome

Detox = Callable[..., Outcome]
LINEAR = ["q_proj", "v_proj", "down_proj"]


def make_adapter(model: Path, folder: Path, **options: Any) -> tuple[Path, dict[str, torch.Tensor]]:
    """A random adapter, and the weights that peft makes of model and adapter."""
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(model)
    adapted = get_peft_model(
        base, LoraConfig(**{"r": 4, "lora_alpha": 6, "task_type": "CAUSAL_LM", **options})
    )
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data += 0.05 * torch.randn_like(weight)
        elif "modules_to_save" in name:
            weight.data += 0.05
    adapted.save_pretrained(folder)
    return folder, {n: w.detach().clone() for n, w in adapted.merge_and_unload().state_dict().items()}


def close(folder: Path, wanted: dict[str, torch.Tensor]) -> None:
    found = load_file(folder / "model.safetensors")
    changed = 0
    for name, value in found.items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=2e-6)
        changed += value.shape[0] > 0
    assert changed == len(found)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("tiny_causal", {"target_modules": LINEAR}),
        ("tiny_causal", {"target_modules": LINEAR, "use_rslora": True, "alpha_pattern": {"v_proj": 3}}),
        ("tiny_causal", {"target_modules": LINEAR, "use_dora": True}),
        ("tiny_causal", {"target_modules": [*LINEAR, "embed_tokens"], "modules_to_save": ["lm_head"]}),
        ("tiny_gpt2", {"target_modules": ["c_attn", "c_proj"], "rank_pattern": {"mlp.c_proj": 2}}),
    ],
)
def test_folding_is_what_peft_makes_of_it(
    model: str, options: dict[str, Any], detox: Detox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base: Path = request.getfixturevalue(model)
    adapter, wanted = make_adapter(base, tmp_path / "adapter", **options)
    outcome = detox("merge", base, "--adapter", adapter, "-o", tmp_path / "folded", "--json")
    assert outcome.code == 0, outcome.err
    close(tmp_path / "folded", wanted)
    folded = json.loads(outcome.out)["folded"]
    assert folded["effect"] > 100 * folded["difference"] and folded["tokens"] > 40


def test_an_adapter_folder_is_a_model_of_a_recipe(detox: Detox, tiny_causal: Path, tmp_path: Path) -> None:
    adapter, wanted = make_adapter(tiny_causal, tmp_path / "adapter", target_modules=LINEAR)
    words = ("merge", adapter, "--base", tiny_causal, "--method", "task_arithmetic", "--weight", "-0.5")
    assert detox(*words, "-o", tmp_path / "out").code == 0
    base = load_file(tiny_causal / "model.safetensors")
    close(tmp_path / "out", {name: base[name] - 0.5 * (wanted[name] - base[name]) for name in base})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("tied", "token embedding and output head in one"),
        ("other", "which the model lacks"),
        ("misshapen", "makes [32, 16]"),
        ("unknown", "cannot be added to weights"),
    ],
)
def test_an_adapter_that_cannot_be_folded_is_refused(
    change: str, said: str, detox: Detox, tiny_causal: Path, tiny_gpt2: Path, tmp_path: Path
) -> None:
    base = tiny_gpt2 if change == "tied" else tiny_causal
    targets = ["wte"] if change == "tied" else ["q_proj"]
    adapter, _ = make_adapter(base, tmp_path / "adapter", target_modules=targets)
    file = adapter / "adapter_model.safetensors"
    weights = load_file(file)
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    if change == "misshapen":
        weights[key] = weights[key][:, :16].contiguous()
    elif change == "unknown":
        weights[key.replace("lora_A.weight", "lora_C.weight")] = weights[key].clone()
    save_file(weights, file)
    model = tiny_gpt2 if change == "other" else base
    outcome = detox("merge", model, "--adapter", adapter, "-o", tmp_path / "folded")
    assert outcome.code == 3 and said in outcome.err, outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
