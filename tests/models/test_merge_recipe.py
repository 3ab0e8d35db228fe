"""Recipes of mergekit, read as they are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.merging.plan import plan_merge
from detox_cli.models.merging.recipe import Named, Recipe
from detox_cli.models.merging.recipe_yaml import read_recipe
from detox_cli.models.merging.sources import StoredWeights


def recipe(text: str) -> Recipe:
    content: Any = yaml.safe_load(text)
    return read_recipe(content, "recipe.yml")


SLERP = """
slices:
  - sources:
      - model: one
        layer_range: [0, 4]
      - model: other
        layer_range: [0, 4]
merge_method: slerp
base_model: other
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 1]
    - value: 0.25
dtype: bfloat16
"""

TIES = """
models:
  - model: base
  - model: org/one@v2+adapter
    parameters: {density: 0.5, weight: 0.3}
  - model: other
    parameters:
      density: 0.7
      weight: [{filter: mlp, value: 0.9}, {value: 0.1}]
merge_method: ties
base_model: base
parameters: {normalize: false, int8_mask: true, lambda: 0.8}
dtype: float16
"""


def test_slerp_starts_at_its_base_and_follows_filters_and_gradients() -> None:
    read = recipe(SLERP)
    assert [str(entry.model) for entry in read.models] == ["other", "one"]
    assert read.base is None and read.dtype == "bfloat16"
    assert read.values("model.layers.0.self_attn.q_proj.weight", 0.0).t == 0
    assert read.values("model.layers.3.self_attn.q_proj.weight", 0.75).t == 0.75
    assert read.values("model.layers.3.mlp.up_proj.weight", 0.75).t == 0.25


def test_ties_gives_each_model_its_own_values_and_says_what_has_no_effect() -> None:
    read = recipe(TIES)
    assert [entry.model for entry in read.models] == [Named("org/one", "v2", "adapter"), Named("other")]
    values = read.values("model.layers.0.mlp.up_proj.weight", 0.0)
    assert values.weights == (0.3, 0.9) and values.densities == (0.5, 0.7)
    assert not values.normalize and values.scale == 0.8
    assert read.values("model.norm.weight", 1.0).weights == (0.3, 0.1)
    assert any("int8_mask" in remark for remark in read.remarks)
    idle = recipe(TIES.replace("int8_mask: true", "rescale: true")).remarks
    assert "rescale makes no difference to ties" in idle and len(idle) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("merge_method: ties", "merge_method: tied"), "tied"),
        (("lambda: 0.8", "lamda: 0.8"), "lamda"),
        (("base_model: base", ""), "counts from a base"),
        (("density: 0.7", "density: 1.7"), "density is a share"),
        (("dtype: float16", "chat_template: chatml"), "chat_template"),
        (("dtype: float16", "dtype: int3"), "int3"),
    ],
)
def test_what_cannot_be_followed_is_named(change: tuple[str, str], said: str) -> None:
    with pytest.raises(BadData, match=said):
        recipe(TIES.replace(*change))


def test_a_weight_that_is_given_nowhere_is_no_zero() -> None:
    read = recipe(TIES.replace("{density: 0.5, weight: 0.3}", "{density: 0.5}"))
    with pytest.raises(BadData, match=r"ties needs weight for model\.norm\.weight"):
        read.values("model.norm.weight", 0.0)


def test_models_that_do_not_fit_are_named(tmp_path: Path, tiny_causal: Path) -> None:
    folder = tiny_causal
    other = open_checkpoint(folder)
    smaller = {name: t for name, t in other.tensors.items() if "layers.1" not in name}
    whole = StoredWeights(other, "whole")
    part = StoredWeights(type(other)(folder, other.config, other.files, smaller), "part")
    read = recipe("merge_method: linear\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}")
    with pytest.raises(BadData, match=r"part: lacks model\.layers\.1"):
        plan_merge(read, [whole, part], None, whole, seed=0)
    plan = plan_merge(read, [whole, whole], None, whole, seed=0)
    assert list(plan.jobs) == list(whole.shapes)
