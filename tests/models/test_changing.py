"""Changed neurons and steered streams: where they are meant, as weights would have it, and gone after."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.checkpoint.coefficients import plan_folds, write_folded
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.loading import load_causal
from detox_cli.models.neurons.changing import Change, changing
from detox_cli.models.neurons.hooks import Seen, on_coefficients
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.positions import Positions
from detox_cli.models.sources import find_model
from detox_cli.models.steering import steering

PROMPT, NEW = 5, 4
CHOSEN = ((0, 3), (1, 60), (1, 7))
CHANGE = Change((0.5, 0.0, 1.0), (1.5, -2.0, 3.0))


def _model(folder: Path) -> Any:
    return load_causal(find_model(str(folder)), "cpu").model


def _hooks(model: Any) -> int:
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in model.modules())


@torch.no_grad()
def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    return logits


@pytest.mark.parametrize("family", ["tiny_causal", "tiny_gpt2"])
@pytest.mark.parametrize("positions", ["all", "generated", "last"])
def test_a_cached_generation_is_changed_where_one_pass_over_it_is(
    family: str, positions: Positions, request: pytest.FixtureRequest
) -> None:
    model = _model(request.getfixturevalue(family))
    neurons = load_neurons(model).neurons
    ids, before = torch.arange(10, 10 + PROMPT)[None], _hooks(model)
    settings = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": 1}
    with changing(model, neurons, CHOSEN, CHANGE, positions):
        found = model.generate(ids, output_logits=True, return_dict_in_generate=True, **settings)
    assert _hooks(model) == before
    first = {"all": 0, "generated": PROMPT, "last": PROMPT - 1}[positions]

    def see(seen: Seen) -> torch.Tensor:
        values = seen.values.clone()
        for (layer, number), factor, offset in zip(CHOSEN, CHANGE.factors, CHANGE.offsets, strict=True):
            if layer == seen.part.layer:
                values[first:, number] = factor * values[first:, number] + offset
        return values

    with on_coefficients(model, neurons, see):
        wanted = _logits(model, found.sequences)
    steps = torch.stack(found.logits, 1)
    torch.testing.assert_close(steps, wanted[:, PROMPT - 1 : -1], atol=1e-5, rtol=1e-4)
    assert (wanted - _logits(model, found.sequences)).abs().max() > 1e-3


def test_a_bound_cuts_what_is_larger_only(tiny_causal: Path) -> None:
    model = _model(tiny_causal)
    neurons, seen = load_neurons(model).neurons, {}
    ids = torch.arange(10, 30)[None]

    def keep(one: Seen) -> None:
        seen[one.part.layer] = one.values[:, 3].clone()

    with torch.no_grad(), on_coefficients(model, neurons, keep):
        model(ids)
    usual = seen[0]
    bound = float(usual.abs().median())
    change = Change((1.0,), (0.0,), bound)
    with torch.no_grad(), changing(model, neurons, [(0, 3)], change), on_coefficients(model, neurons, keep):
        model(ids)
    assert (usual.abs() > bound).any() and torch.equal(seen[0], usual.clamp(-bound, bound))


def test_a_stream_without_a_direction_has_none_of_it_left(tiny_causal: Path) -> None:
    model = _model(tiny_causal)
    anatomy = load_neurons(model).neurons.anatomy
    unit = np.linalg.qr(np.random.default_rng(0).normal(size=(32, 1)))[0][:, 0]
    ids = torch.arange(10, 20)[None]

    @contextmanager
    def after(layer: int) -> Iterator[list[torch.Tensor]]:
        found: list[torch.Tensor] = []
        block = model.model.layers[layer + 1]
        handle = block.register_forward_pre_hook(lambda _m, args: found.append(args[0]))
        yield found
        handle.remove()

    for how, dose, left in (("project-out", 1.0, 0.0), ("project-out", 0.5, 0.5), ("add", -3.0, None)):
        with torch.no_grad(), after(0) as usual:
            model(ids)
        with torch.no_grad(), after(0) as changed, steering(model, anatomy, [0], unit, how, dose):
            model(ids)
        u = torch.from_numpy(unit).float()
        before, now = usual[0][0] @ u, changed[0][0] @ u
        torch.testing.assert_close(now, before - 3 if left is None else before * left, atol=1e-5, rtol=1e-4)
        rest = changed[0][0] - now[:, None] * u
        torch.testing.assert_close(rest, usual[0][0] - before[:, None] * u, atol=1e-5, rtol=1e-4)
    assert _hooks(model) == 0


def _stored(folder: Path, place: Path, dtype: torch.dtype) -> Path:
    """The same model with its numbers in another type."""
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    tensors = {name: one.to(dtype) for name, one in load_file(folder / "model.safetensors").items()}
    save_file(tensors, place / "model.safetensors", {"format": "pt"})
    return place


@pytest.mark.parametrize(
    ("family", "offsets"), [("tiny_gpt2", (1.5, -2.0, 3.0)), ("tiny_causal", (0.0, 0.0, 0.0))]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folded_model_is_the_changed_one(
    family: str,
    offsets: tuple[float, ...],
    dtype: torch.dtype,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    source = _stored(request.getfixturevalue(family), tmp_path / "source", dtype)
    change = Change(CHANGE.factors, offsets)
    checkpoint = open_checkpoint(source)
    folds = plan_folds(checkpoint, checkpoint.anatomy(), CHOSEN, change.factors, offsets)
    (tmp_path / "folded").mkdir()
    write_folded(checkpoint, folds, tmp_path / "folded", {"detox.json"})
    model, ids = _model(source), torch.arange(10, 26)[None]
    with changing(model, load_neurons(model).neurons, CHOSEN, change):
        wanted = _logits(model, ids)
    gap = (_logits(_model(tmp_path / "folded"), ids) - wanted).abs().max()
    moved = (wanted - _logits(model, ids)).abs().max()
    assert gap < (1e-3 if dtype == torch.float32 else 0.1) * moved
    untouched = load_file(tmp_path / "folded" / "model.safetensors")
    names = {fold.writer.name for fold in folds} | {fold.bias.name for fold in folds if fold.bias}
    for name, one in load_file(source / "model.safetensors").items():
        assert torch.equal(one, untouched[name]) == (name not in names)


def test_what_cannot_be_folded_is_named(tiny_causal: Path) -> None:
    checkpoint = open_checkpoint(tiny_causal)
    with pytest.raises(BadSettings, match=r"model\.layers\.1\.mlp\.down_proj\.weight has no bias"):
        plan_folds(checkpoint, checkpoint.anatomy(), [(1, 2)], [1.0], [2.0])
    with pytest.raises(BadData, match="layer 1 has no neuron 64"):
        plan_folds(checkpoint, checkpoint.anatomy(), [(1, 64)], [0.0], [0.0])
