"""Models are found where they are, and what cannot be used is refused with the reason."""

import json
import shutil

import pytest

from detox_cli.errors import BadSettings, Missing
from detox_cli.models import sources
from detox_cli.models.sources import find_model, folder_fingerprint


def test_a_folder_is_known_by_its_content(tiny_causal, tmp_path):
    source = find_model(str(tiny_causal))
    assert source.kind == "folder" and source.revision is None
    copy = shutil.copytree(tiny_causal, tmp_path / "copy")
    (copy / "notes.md").write_text("not part of the model")
    assert find_model(str(copy)).fingerprint == source.fingerprint
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    assert find_model(str(copy)).fingerprint != source.fingerprint


def test_a_fingerprint_covers_names_and_contents(tmp_path):
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "b.json").write_text("2")
    before = folder_fingerprint(tmp_path)
    (tmp_path / "a.json").write_text("2 ")
    (tmp_path / "b.json").write_text("1 ")
    assert len(before) == 16 and folder_fingerprint(tmp_path) != before


def test_a_bundled_model_is_found_by_name(tiny_causal, tmp_path, monkeypatch):
    shutil.copytree(tiny_causal, tmp_path / "lm")
    monkeypatch.setattr(sources, "MINIATURES", tmp_path)
    assert find_model("builtin:lm").kind == "builtin"
    assert find_model("builtin:lm").fingerprint == find_model(str(tiny_causal)).fingerprint
    with pytest.raises(Missing, match="bundled are: builtin:lm"):
        find_model("builtin:l")


@pytest.mark.parametrize(
    "missing, reason",
    [("config.json", "config.json is missing"), ("model.safetensors", "holds no")],
)
def test_an_incomplete_folder_says_what_is_missing(tiny_causal, tmp_path, missing, reason):
    copy = shutil.copytree(tiny_causal, tmp_path / "copy")
    (copy / missing).unlink()
    with pytest.raises(BadSettings, match=reason):
        find_model(str(copy))


def test_pickled_weights_and_adapters_are_refused(tiny_causal, tmp_path):
    copy = shutil.copytree(tiny_causal, tmp_path / "copy")
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(BadSettings, match="pickled"):
        find_model(str(copy))
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(BadSettings, match="an adapter, not a model"):
        find_model(str(tmp_path / "adapter"))


def test_what_is_nowhere_names_both_ways_out(tmp_path):
    for name in ("./nowhere", "nobody/no-such-model", "two words"):
        with pytest.raises(Missing) as caught:
            find_model(name)
        assert "local folder" in caught.value.hint and "--profile offline" in caught.value.hint


def test_a_file_is_no_model_and_a_folder_has_no_revision(tiny_causal):
    with pytest.raises(BadSettings, match="this is a file"):
        find_model(str(tiny_causal / "config.json"))
    with pytest.raises(BadSettings, match="--revision is for hub models"):
        find_model(str(tiny_causal), revision="main")


def test_a_fingerprint_leaves_out_when_the_model_was_made(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = folder_fingerprint(tmp_path)
    (tmp_path / "detox.json").write_text('{"started": "today"}')
    assert folder_fingerprint(tmp_path) == before
