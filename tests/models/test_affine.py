"""Affine removal: what was a component becomes the same constant everywhere in the stream."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadSettings
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.hooks import on_block_inputs
from detox_cli.models.interventions import intervening
from detox_cli.models.removal import remove_everywhere
from tests.models.test_editing import IDS, directions, saved

AFFINE = ("granite", "gemma", "llama", "gpt2", "opt", "bloom")


@pytest.mark.parametrize("family", AFFINE)
def test_an_offset_reaches_the_stream_as_it_is(family: str, tmp_path: Path) -> None:
    """Also after learned positions, and through the bias of a norm that follows the embedding."""
    source = saved(family, tmp_path / "source")
    checkpoint, wanted = open_checkpoint(source), 0.7
    anatomy = checkpoint.anatomy()
    removal = remove_everywhere(directions(), len(anatomy.blocks), "affine", np.array([wanted]))
    plan = plan_edits(checkpoint, anatomy, lambda writer: removal.edit(writer, anatomy), "untie")
    (tmp_path / "out").mkdir()
    write_edited(checkpoint, plan, tmp_path / "out")
    written = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    before = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    seen = []
    with on_block_inputs(written, anatomy, lambda index, stream: seen.append(stream)):
        written(IDS)
    shapes = {name: tuple(value.shape) for name, value in before.state_dict().items()}
    loaded = read_anatomy(before.config.to_dict(), shapes)
    with (
        intervening(before, loaded, removal, "untie"),
        on_block_inputs(before, loaded, lambda index, stream: seen.append(stream)),
    ):
        before(IDS)
    component = torch.stack(seen) @ torch.from_numpy(directions()).float()
    assert torch.allclose(component, torch.full_like(component, wanted), atol=1e-4)
    if anatomy.tied:
        with pytest.raises(BadSettings, match="which is the output head too"):
            plan_edits(checkpoint, anatomy, lambda writer: removal.edit(writer, anatomy), "skip")
