"""Recipes and options of merges that cannot be followed."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from detox_cli.models.merging.recipe_yaml import read_recipe
from tests.errors.case import Case, usage

Told = Callable[[Case], None]


def recipe(text: str, said: str) -> Case:
    """A recipe that is read in the process."""
    content: Any = yaml.safe_load(text)
    return Case(lambda: read_recipe(content, "r.yml"), said)


def file(text: str, said: str) -> Case:
    """A recipe in a file."""
    return Case("merge --recipe r.yml -o out", said, files={"r.yml": text})


LINEAR = "merge_method: linear\n"
MERGE = "merge builtin:lm builtin:chat -o out "
CASES = [
    recipe(LINEAR, "r.yml: needs either models or slices"),
    recipe(LINEAR + "models: [{model: a, layer_range: [0, 1]}]", "layer_range belongs into slices"),
    recipe(LINEAR + "models: [{model: {model: a, odd: 1}}]", "a model has keys that cannot be followed: odd"),
    recipe(LINEAR + "models: [{model: ''}]", "names no model"),
    recipe(LINEAR + "models: [{model: {model: {path: a, odd: 1}}}]", "a model in several words has a path"),
    recipe(LINEAR + "models: []", "names no models"),
    recipe(LINEAR + "models: [{model: a, odd: 1}]", "has keys that cannot be followed: odd"),
    recipe(LINEAR + "slices: {}", "slices is no list"),
    recipe(
        LINEAR + "slices: [{sources: [{model: a, layer_range: [0, 1]}], odd: 1}]", "cannot be followed: odd"
    ),
    recipe(
        LINEAR + "slices: [{sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 2]}]}]",
        "takes more layers of one model than of another",
    ),
    recipe(LINEAR + "slices: [{sources: [{model: a, layer_range: x}]}]", "layer_range 'x' names no layers"),
    recipe(
        LINEAR + "models: [{model: a, parameters: {weight: x}}]", "weight is neither a number, nor numbers"
    ),
    recipe(LINEAR + "models: [{model: a, parameters: 1}]", "should be a mapping"),
    recipe(LINEAR + "models: [{model: a}]\nodd: 1", "has keys that cannot be followed: odd"),
    recipe(
        "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}, {model: c}]",
        "merges 2 models beside the base",
    ),
    file("- a\n", "r.yml: should be a mapping"),
    file("a: [", "r.yml: is no YAML"),
    usage(MERGE + "--base builtin:lm", "--base: a mean counts from no base"),
    usage(MERGE + "--density 0.5", "--density would make no difference to linear"),
    usage(MERGE + "--method ties", "--base: ties counts from a base"),
    usage(MERGE + "--method slerp", "--t: slerp has to know how far to go"),
    usage(MERGE + "--adapter d", "--adapter: an adapter is folded into one model"),
    usage(MERGE + "--weight 1 --weight 2 --weight 3", "--weight: 3 values for 2 models"),
    usage(MERGE + "--extract 4", "--extract: an adapter is the difference of one model from its base"),
    usage(MERGE + "--tokenizer builtin:bart", "--tokenizer: no model of the merge is called builtin:bart"),
    usage("merge -o out", "MODEL: no model is named"),
    usage("merge builtin:lm --recipe r.yml -o out", "MODEL would contradict the recipe", **{"r.yml": LINEAR}),
    Case("merge builtin:lm builtin:bart -o out", "is of the architecture bart, builtin:lm of llama"),
    usage(
        "negate builtin:lm --expert builtin:chat --expert-scale 1 --expert-scale 2 -o out",
        "--expert-scale: 2 values for 1",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_merging(case: Case, told: Told) -> None:
    told(case)
