"""Tensors in pieces: whatever the size of a piece, every vector is edited once, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from detox_cli.models.anatomy.parts import Writer
from detox_cli.models.checkpoint import tiles, write
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import Plan, Target
from detox_cli.models.directions import orthonormal
from detox_cli.models.edits import Edit

WIDTH = 8
LAYOUTS = {
    "linear": ((WIDTH, 19), -2),
    "conv1d": ((19, WIDTH), -1),
    "experts": ((3, WIDTH, 5), -2),
    "turned_experts": ((3, 5, WIDTH), -1),
    "square": ((WIDTH, WIDTH), -2),
    "turned_square": ((WIDTH, WIDTH), -1),
    "bias": ((WIDTH,), -1),
    "biases": ((3, WIDTH), -1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("panel_bytes", "tile_numbers"), [(1, 1), (100, 20), (1 << 24, 1 << 20)])
def test_every_layout_is_edited_along_its_axis_in_pieces_of_any_size(
    dtype: torch.dtype, panel_bytes: int, tile_numbers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "PANEL_BYTES", panel_bytes)
    monkeypatch.setattr(write, "TILE_NUMBERS", tile_numbers)
    generator = torch.Generator().manual_seed(0)
    before = {name: torch.randn(s, generator=generator).to(dtype) for name, (s, _) in LAYOUTS.items()}
    before["other"] = torch.randn(7, generator=generator)
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    save_file(before, source / "model.safetensors", metadata={"format": "pt", "note": "kept"})
    (source / "config.json").write_text("{}")
    checkpoint = open_checkpoint(source)
    edit = Edit(orthonormal(np.random.default_rng(0).standard_normal((2, WIDTH))))
    targets = [
        Target(Writer(name, 0, "mlp", shape, axis, "bias" in name), checkpoint.tensors[name], edit)
        for name, (shape, axis) in LAYOUTS.items()
    ]
    write.write_edited(checkpoint, Plan(tuple(targets), ()), out, rounding="nearest")
    after = load_file(out / "model.safetensors")
    assert torch.equal(after.pop("other"), before["other"])
    basis = torch.from_numpy(edit.basis)
    for name, (_, axis) in LAYOUTS.items():
        vectors = before[name].double().movedim(axis, -1)
        wanted = (vectors - vectors @ basis @ basis.T).movedim(-1, axis)
        assert torch.allclose(
            after[name].double(), wanted, rtol=0.008, atol=0.02 if dtype == torch.bfloat16 else 1e-6
        )
    assert b'"note":"kept"' in (out / "model.safetensors").read_bytes()
