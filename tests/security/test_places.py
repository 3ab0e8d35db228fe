"""Names in files lead nowhere else, and headers do not claim what is not theirs."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from detox_cli.data.readers import archive
from detox_cli.errors import BadData, Missing
from detox_cli.models import sources
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.sources import find_model


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "/tmp/x.safetensors", "a/b.safetensors", "..", "", 7]
)
def test_an_index_that_leads_out_of_its_folder_is_refused(
    name: object, tiny_causal: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_causal, folder)
    (folder / "model.safetensors").rename(tmp_path / "outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": name}}))
    with pytest.raises(BadData, match="no file of this folder"):
        open_checkpoint(folder)


def test_a_merge_of_such_a_model_writes_nothing(tiny_causal: Path, tmp_path: Path, detox: Any) -> None:
    folder = tmp_path / "deep" / "model"
    shutil.copytree(tiny_causal, folder)
    (folder / "model.safetensors").rename(tmp_path / "deep" / "outside.safetensors")
    names = read_header(tmp_path / "deep" / "outside.safetensors")
    places = dict.fromkeys(names, "../outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    outcome = detox("merge", str(folder), str(folder), "-o", str(tmp_path / "out" / "merged"))
    assert outcome.code != 0
    assert not list(tmp_path.glob("out/**/*.safetensors"))


def header_file(path: Path, entries: dict[str, Any], data: int = 16) -> Path:
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "entries",
    [
        {"a": entry([4], -8, 8), "b": entry([2], 8, 16)},  # begins before the data
        {"a": entry([4], 0, 16), "b": entry([4], 0, 16)},  # two tensors in one place
        {"a": entry([2], 0, 8), "b": entry([1], 12, 16)},  # a hole
        {"a": entry([1000], 0, 16)},  # a larger shape than its bytes
        {"a": entry([-4], 0, 16)},
        {"a": entry([4], 16, 0)},
    ],
)
def test_a_header_that_claims_what_is_not_there_is_refused(entries: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadData, match="damaged header"):
        read_header(header_file(tmp_path / "w.safetensors", entries))


def test_bundled_models_are_named_not_reached(tmp_path: Path, tiny_causal: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sources, "MINIATURES", tmp_path / "bundled")
    for place in (tmp_path / "bundled" / "lm", tmp_path / "elsewhere" / "lm"):
        shutil.copytree(tiny_causal, place)
    with pytest.raises(Missing, match="no bundled model"):
        find_model("builtin:../elsewhere/lm")


def test_a_member_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 1000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("rows.json", "0" * 100_000)
    with pytest.raises(BadData, match="unpacks to"):
        list(archive.members(path, None))
