"""Recipes that stack layers of several models, or choose a chat template."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from tests.conftest import Outcome

Detox = Callable[..., Outcome]
STACK = """
slices:
  - sources: [{model: ONE, layer_range: [0, 2]}]
  - sources:
      - model: OTHER
        layer_range: [1, 2]
        parameters: {scale: [{filter: o_proj, value: 0.0}, {value: 1}]}
merge_method: passthrough
"""


@pytest.fixture
def pair(tiny_causal: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A model, and another of the same kind with other weights and another chat template."""
    other = tmp_path / "other"
    other.mkdir()
    for file in tiny_causal.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    weights = {
        name: value * np.float32(0.5) for name, value in load_file(other / "model.safetensors").items()
    }
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    (other / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    return tiny_causal, other


def write_recipe(text: str, pair: tuple[Path, Path], folder: Path) -> Path:
    content = text.replace("ONE", str(pair[0])).replace("OTHER", str(pair[1]))
    assert yaml.safe_load(content)
    (folder / "recipe.yml").write_text(content)
    return folder / "recipe.yml"


def test_layers_are_stacked_and_the_model_runs(detox: Detox, pair: tuple[Path, Path], tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    recipe = write_recipe(STACK, pair, tmp_path)
    outcome = detox("merge", "--recipe", recipe, "-o", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    one, other = (load_file(folder / "model.safetensors") for folder in pair)
    made = load_file(tmp_path / "out" / "model.safetensors")
    third, second = "model.layers.2.", "model.layers.1."
    for name, value in made.items():
        if not name.startswith(third):
            wanted = other[name] if name == "model.norm.weight" else one.get(name, other[name])
        else:
            wanted = other[name.replace(third, second)] * (0 if "o_proj" in name else 1)
        if name == "lm_head.weight":
            wanted = other[name]
        np.testing.assert_array_equal(value, wanted, err_msg=name)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 3
    model, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert model(torch.tensor([[1, 2, 3]])).logits.isfinite().all()
    again = detox("merge", "--recipe", tmp_path / "out" / "recipe.yml", "-o", tmp_path / "again")
    assert again.code == 0
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (
        tmp_path / "out" / "model.safetensors"
    ).read_bytes()


ALONE = "[{model: ONE, layer_range: [0, 2]}]"
TWO = "[{model: ONE, layer_range: [0, 2]}, {model: OTHER, layer_range: [0, 1]}]"
METHOD = "merge_method: passthrough"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1, 2]", "[1, 4]", "has 2 layers, and the recipe takes 1 to 3"),
        ("[1, 2]", "[2, 1]", "layer_range [2, 1] names no layers"),
        (METHOD, "merge_method: linear", "parameter scale cannot be followed"),
        (ALONE, TWO, "takes more layers of one model than of another"),
        (ALONE, ALONE.replace("ONE", "{model: ONE, lora: {}}"), "a model in several words has a path"),
        (ALONE, ALONE.replace("ONE", "{model: ONE, loran: x}"), "keys that cannot be followed: loran"),
        (ALONE, ALONE.replace("ONE", "'@main'"), "names no model"),
        (METHOD, METHOD + "\nchat_template: chatml", "is no template in Jinja"),
    ],
)
def test_stacks_that_cannot_be_made_are_one_line(
    old: str, new: str, said: str, detox: Detox, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    recipe = write_recipe(STACK.replace(old, new), pair, tmp_path)
    outcome = detox("merge", "--recipe", recipe, "-o", tmp_path / "out")
    assert outcome.code == 3 and said in outcome.err, outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "recipe.yml"]


def test_task_vectors_of_single_layers_need_the_base_among_their_sources(
    detox: Detox, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    text = """
slices: [{sources: [{model: OTHER, layer_range: [0, 1], parameters: {weight: 1}}]}]
merge_method: task_arithmetic
base_model: ONE
"""
    outcome = detox("merge", "--recipe", write_recipe(text, pair, tmp_path), "-o", tmp_path / "out")
    assert outcome.code == 3 and "slice 1 takes no layers of the base" in outcome.err, outcome.err
    whole = text.replace("[{model: OTHER", "[{model: ONE, layer_range: [1, 2]}, {model: OTHER")
    outcome = detox("merge", "--recipe", write_recipe(whole, pair, tmp_path), "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    one, other = (load_file(folder / "model.safetensors") for folder in pair)
    made = load_file(tmp_path / "out" / "model.safetensors")
    name = "model.layers.{}.mlp.up_proj.weight"
    assert name.format(1) not in made
    np.testing.assert_allclose(made[name.format(0)], other[name.format(0)], atol=1e-7)
    np.testing.assert_allclose(
        made["model.embed_tokens.weight"], other["model.embed_tokens.weight"], atol=1e-7
    )
    assert not np.allclose(one[name.format(1)], other[name.format(0)])


@pytest.mark.parametrize("choice", ["auto", "{{ 'own' }}"])
def test_the_chat_template_is_the_one_that_is_asked_for(
    choice: str, detox: Detox, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    models = "models: [{model: ONE}, {model: OTHER}, {model: OTHER}]\nparameters: {weight: 1}\n"
    end = f"merge_method: linear\nchat_template: {json.dumps(choice)}\n"
    recipe = write_recipe(models + end, pair, tmp_path)
    assert detox("merge", "--recipe", recipe, "-o", tmp_path / "out").code == 0
    template = AutoTokenizer.from_pretrained(tmp_path / "out").chat_template
    assert template == ("{{ messages[0]['content'] }}" if choice == "auto" else choice)
