"""Hooks do what edited files do, in every family and mode, and leave the model as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.proof import written_along
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.directions import orthonormal
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.interventions import adding, intervening
from detox_cli.models.removal import Removal, remove_everywhere
from tests.models.architectures import WIDTH, tiny_model
from tests.models.test_anatomy import anatomy_of, count_hooks

IDS = torch.arange(3, 35).reshape(2, 16)
FULL = np.ones(2)


def directions(count: int = 1):
    return orthonormal(np.random.default_rng(0).standard_normal((count, WIDTH)))


def removal(mode: str) -> Removal:
    if mode == "affine":
        return remove_everywhere(directions(), 2, "affine", np.array([0.7]))
    if mode == "per block":
        own = np.stack([directions(1), orthonormal(np.ones(WIDTH))])
        return Removal(own, "projected", 1.0, np.array([0.3, 1.2]), np.array([1.0, 0.0]))
    return (
        Removal(directions(2), mode, 0.6, FULL, 0.8 * FULL)
        if mode == "partial"
        else remove_everywhere(directions(2), 2, mode)
    )


@torch.no_grad()
def logits(model) -> torch.Tensor:
    return model(IDS, use_cache=False).logits.log_softmax(-1)


def written(family: str, recipe: Removal, tied: str, folder: Path):
    """The model read back from files that were edited by the recipe."""
    tiny_model(family).save_pretrained(folder / "source")
    checkpoint = open_checkpoint(folder / "source")
    anatomy = checkpoint.anatomy()
    (folder / "out").mkdir()
    plan = plan_edits(checkpoint, anatomy, lambda writer: recipe.edit(writer, anatomy), tied)
    write_edited(checkpoint, plan, folder / "out")
    return AutoModelForCausalLM.from_pretrained(folder / "out", dtype=torch.float32).eval()


EVERY_WAY = [("llama", "zero", "untie"), ("llama", "per block", "untie"), ("llama", "affine", "untie")]
EVERY_WAY += [("gemma", "affine", tied) for tied in ("untie", "edit")]
EVERY_WAY += [("granite", "affine", "untie"), ("gemma3_text", "affine", "edit")]
EVERY_WAY += [(f, "zero", "untie") for f in ("gpt2", "bloom", "opt", "gemma2", "gpt_oss", "mixtral")]
EVERY_WAY += [(f, "zero", "edit") for f in ("gemma", "bloom", "gpt2")]
EVERY_WAY += [(f, "zero", "skip") for f in ("gemma4_text", "falcon", "qwen2_moe", "deepseek_v3", "falcon_h1")]
EVERY_WAY += [
    (f, "norm-preserving", "untie") for f in ("gpt2", "gemma2", "gpt_oss", "mixtral", "llama4_text")
]
EVERY_WAY += [("gemma", "norm-preserving", tied) for tied in ("skip", "edit")]


@pytest.mark.parametrize(("family", "mode", "tied"), EVERY_WAY)
def test_a_model_with_hooks_is_the_model_that_would_be_written(family, mode, tied, tmp_path: Path) -> None:
    recipe = removal(mode)
    model = tiny_model(family)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plain = logits(model)
    with intervening(model, anatomy_of(model), recipe, tied):
        hooked = logits(model)
    wanted = logits(written(family, recipe, tied, tmp_path))
    assert (wanted - plain).abs().max() > 0.01
    assert torch.allclose(hooked, wanted, atol=2e-4), (hooked - wanted).abs().max()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(logits(model), plain) and count_hooks(model) == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_no_block_of_any_family_writes_along_the_direction_while_it_lasts(family: str) -> None:
    model = tiny_model(family)
    anatomy = anatomy_of(model)
    with intervening(model, anatomy, remove_everywhere(directions(), len(anatomy.blocks)), "untie"):
        assert max(written_along(model, anatomy, directions(), IDS).values()) < 1e-4
    assert min(written_along(model, anatomy, directions(), IDS).values()) > 0.05


def test_an_affine_removal_needs_an_embedding_of_its_own() -> None:
    model = tiny_model("gemma")
    with (
        pytest.raises(BadSettings, match="the output head too"),
        intervening(model, anatomy_of(model), removal("affine")),
    ):
        pass
    assert count_hooks(model) == 0


def test_a_module_that_is_passed_by_is_an_error() -> None:
    model = tiny_model("bloom", slow_but_exact=True, pretraining_tp=2)  # multiplies by slices of its weights
    with (
        pytest.raises(DetoxError, match=r"never called .* transformer\.h\.0\.self_attention\.dense"),
        intervening(model, anatomy_of(model), remove_everywhere(directions(), 2)),
    ):
        logits(model)


def test_a_vector_is_added_after_one_block() -> None:
    model = tiny_model("gpt2")
    anatomy, vector = anatomy_of(model), 3 * directions()[:, 0]
    plain: dict[int, torch.Tensor] = {}
    steered: dict[int, torch.Tensor] = {}
    with on_block_outputs(model, anatomy, plain.__setitem__):
        logits(model)
    with adding(model, anatomy, 0, vector), on_block_outputs(model, anatomy, steered.__setitem__):
        logits(model)
    assert torch.allclose(steered[0] - plain[0], torch.from_numpy(vector).float(), atol=1e-5)
    assert not torch.allclose(steered[1], plain[1])
