"""Direction files: what is saved comes back bit for bit, and anything else is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from detox_cli.errors import BadData
from detox_cli.models.activations.collect import collect
from detox_cli.models.direction_file import Measured, read_directions, save_directions
from detox_cli.models.directions import orthonormal
from detox_cli.models.removal import remove_everywhere
from tests.models.architectures import tiny_model
from tests.models.test_anatomy import anatomy_of

PROMPTS = {"positive": [[5, 6, 7], [8, 9]], "negative": [[10, 11, 12, 13], [14, 15, 3]]}


@pytest.fixture(scope="module")
def measured() -> Measured:
    model = tiny_model("llama")
    found = collect(model, anatomy_of(model), PROMPTS, positions=3)
    hashes = {"positive": "aa", "negative": "bb"}
    return Measured(found["positive"], found["negative"], "refusal", "0123", ("<", "é", "\n"), hashes)


def same(one: Measured, other: Measured) -> bool:
    pairs = [(one.positive, other.positive), (one.negative, other.negative)]
    parts = ("count", "mean", "mean_square", "largest")
    equal = [np.array_equal(getattr(a, p), getattr(b, p), equal_nan=True) for a, b in pairs for p in parts]
    said = [(m.contrast, m.model, m.tokens, dict(m.prompts), m.winsorize) for m in (one, other)]
    return all(equal) and said[0] == said[1]


def test_what_was_measured_comes_back_bit_for_bit(measured: Measured, tmp_path: Path) -> None:
    save_directions(tmp_path / "a.safetensors", measured)
    found = read_directions(tmp_path / "a.safetensors")
    assert same(found.measured, measured) and found.removal is None
    assert measured.positions == (-3, -2, -1) and measured.layers == 2
    assert measured.positive.count.tolist() == [1, 2, 2]
    means = measured.positive.mean - measured.negative.mean
    assert np.array_equal(measured.difference(), means, equal_nan=True)
    save_directions(tmp_path / "b.safetensors", found.measured)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("offset", [None, np.array([0.7])])
def test_a_choice_comes_back_with_where_it_is_from(measured: Measured, offset, tmp_path: Path) -> None:
    basis = orthonormal(measured.difference()[-1, 1])
    removal = remove_everywhere(basis, 2, "zero" if offset is None else "affine", offset)
    origin = {"position": -1, "layer": 1, "why": "lowest bypass"}
    save_directions(tmp_path / "d.safetensors", measured, removal, origin)
    found = read_directions(tmp_path / "d.safetensors")
    assert found.origin == origin and found.removal is not None
    for part in ("bases", "attention", "mlp", "offset"):
        assert np.array_equal(getattr(found.removal, part), getattr(removal, part))
    assert (found.removal.mode, found.removal.embedding) == (removal.mode, 1.0)


def test_damaged_and_foreign_files_are_one_line(measured: Measured, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.safetensors", tmp_path / "d.safetensors"
    save_directions(whole, measured)
    path.write_bytes(whole.read_bytes()[:-40])
    check(path, "cannot be read as a direction file")
    path.write_bytes(b"\x80\x04pickle")
    check(path, "cannot be read as a direction file")
    save_file({"weight": np.zeros(3)}, path)
    check(path, "is no direction file: it has no note of this program")
    damaged = whole.read_bytes().replace(b"positive.largest", b"positive.lergest")
    path.write_bytes(damaged)
    check(path, r"is a damaged direction file: lacks 'positive\.largest'")
    check(tmp_path / "none.safetensors", "there is no such direction file")


def check(path: Path, said: str) -> None:
    with pytest.raises(BadData, match=said) as caught:
        read_directions(path)
    assert caught.value.where == str(path) and "\n" not in str(caught.value)


def test_a_direction_of_another_model_does_not_fit(measured: Measured) -> None:
    measured.check_fits(anatomy_of(tiny_model("llama")))
    with pytest.raises(BadData, match="of a model with 2 layers of width 64, this one has 3 of width 64"):
        measured.check_fits(anatomy_of(tiny_model("llama", num_hidden_layers=3)))
