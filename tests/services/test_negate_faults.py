"""``detox negate`` with bad input: one clear line, an exit code, nothing half written."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.conftest import Outcome
from tests.parity.merges import tensors, write_models

Detox = Callable[..., Outcome]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Folders ``base``, ``m0``, ``m1`` and ``m2``."""
    folder = tmp_path / "models"
    write_models(folder)
    return folder


def broken(models: Path, kind: str) -> str:
    """Damage ``m0`` and say what the one line about it holds."""
    folder, file = models / "m0", models / "m0" / "model.safetensors"
    if kind == "another architecture":
        values = {name: value for name, value in tensors(0).items() if "layers.1" not in name}
        save_file(values, file)
        return "lacks model.layers.1"
    if kind == "another shape":
        save_file({**tensors(0), "model.norm.weight": np.zeros(3, np.float32)}, file)
        return "model.norm.weight is [3]"
    if kind == "not a number":
        values = tensors(0)
        values["model.norm.weight"][2] = np.nan
        save_file(values, file)
        return "numbers that are not finite"
    if kind == "a missing shard":
        file.rename(folder / "model-00001-of-00002.safetensors")
        places = dict.fromkeys(tensors(0), "model-00001-of-00002.safetensors")
        places["model.norm.weight"] = "model-00002-of-00002.safetensors"
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
        return "lacks model-00002-of-00002.safetensors, which its index names"
    if kind == "a corrupt header":
        file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])
        return "header"
    file.write_bytes(file.read_bytes()[:-100])
    return "model.safetensors"


@pytest.mark.parametrize(
    "kind",
    [
        "another architecture",
        "another shape",
        "not a number",
        "a missing shard",
        "a corrupt header",
        "cut off",
    ],
)
def test_bad_experts_are_one_clear_line(detox: Detox, models: Path, tmp_path: Path, kind: str) -> None:
    said = broken(models, kind)
    words = ("--expert", models / "m0", "--expert", models / "m1", "-o", tmp_path / "out")
    refused = detox("negate", models / "base", *words)
    assert refused.code == 3 and said in refused.err, refused.err
    assert [line.startswith("error") for line in refused.err.splitlines()].count(True) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_full_disk_is_one_clear_line(
    detox: Detox, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    full = detox("negate", models / "base", "--expert", models / "m0", "-o", tmp_path / "out")
    assert full.code == 1 and "the disk is full" in full.err
    assert not os.path.lexists(tmp_path / "out")


def test_experts_must_be_named_and_parts_must_be_whole(detox: Detox, models: Path, tmp_path: Path) -> None:
    none = detox("negate", models / "base", "-o", tmp_path / "out")
    assert none.code == 2 and "no expert is named" in none.err
    (tmp_path / "parts").mkdir()
    (models / "m0").rename(tmp_path / "parts" / "part-0")
    (models / "m2").rename(tmp_path / "parts" / "part-2")
    gap = detox("negate", models / "base", "--expert", tmp_path / "parts", "-o", tmp_path / "out")
    assert gap.code == 3 and "part-1 is missing or unfinished" in gap.err
    words = ("--expert", models / "m1", "--control", "random", "-o", tmp_path / "out")
    alone = detox("negate", models / "base", *words)
    assert alone.code == 2 and "--control: controls are measured beside a scale" in alone.err
    wrong = detox("negate", models / "base", "--expert", models / "m1", "--scale", "1:0:1")
    assert wrong.code == 2 and "FROM below TO" in wrong.err
