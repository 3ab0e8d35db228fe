"""The manifest: enough to understand and repeat a run, and nothing about who ran it."""

import getpass
import hashlib
import json
import platform
import re
import time
from pathlib import Path

import pytest

from detox_cli.errors import BadData
from detox_cli.runs import manifest
from detox_cli.runs.manifest import fingerprint, manifest_path, read_manifest, write_manifest


def write(path: Path, **changes):
    arguments = {
        "command": "synth pairs",
        "settings": {"seed": 7, "input": "a.csv"},
        "inputs": [],
        "models": {"annotator": {"name": "builtin:chat", "fingerprint": "abc"}},
        "scorers": {"toxicity": "builtin:toxicity@abc"},
        "metrics": {"J": {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 100}},
        "started": time.time() - 2,
    }
    return write_manifest(path, **arguments | changes)


def test_it_says_what_made_an_output(tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("text\nx\n")
    output.write_text("{}\n")
    assert write(output, inputs=[source, "-"], fingerprint="f") == tmp_path / "out.jsonl.detox.json"
    made = read_manifest(output)
    assert (made["command"], made["seed"], made["fingerprint"]) == ("synth pairs", 7, "f")
    assert made["inputs"] == {
        str(source): {"bytes": 7, "sha256": hashlib.sha256(b"text\nx\n").hexdigest()},
        "-": {},
    }
    assert made["output"]["sha256"] == hashlib.sha256(b"{}\n").hexdigest()
    assert 2 <= made["wall_seconds"] < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made["started"])
    assert made["peak_memory_bytes"]["process"] > 10_000_000
    assert made["versions"]["python"] == platform.python_version()
    assert {"torch", "transformers"} <= set(made["versions"])


def test_in_a_folder_it_lists_the_other_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w").write_text("1234")
    assert write(tmp_path) == tmp_path / "detox.json"
    assert read_manifest(tmp_path)["output"] == {"sub/w": 4}
    write(tmp_path)
    assert read_manifest(tmp_path)["output"] == {"sub/w": 4}


def test_secrets_and_the_user_are_not_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(platform, "node", lambda: "adas-machine")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    settings = {
        "hf_token": "s3cret-1",
        "server": {"api_key": "s3cret-2", "url": "https://ada:s3cret-3@host/v1"},
        "max_new_tokens": 64,
        "stop_token": "",
        "model": Path("/home/ada/models/x"),
        "cache": "/scratch/ada/cache",
        "paths": ["/home/ada", "relative/ada.txt"],
    }
    text = write(tmp_path / "out.jsonl", settings=settings, inputs=["/home/ada/in.csv"]).read_text()
    assert "s3cret" not in text
    assert "adas-machine" not in text
    assert re.findall(r'[^"]*\bada\b[^"]*', text) == ["relative/ada.txt"]
    assert json.loads(text)["settings"] == {
        "hf_token": "***",
        "server": {"api_key": "***", "url": "https://***@host/v1"},
        "max_new_tokens": 64,
        "stop_token": "",
        "model": "~/models/x",
        "cache": "/scratch/USER/cache",
        "paths": ["~", "relative/ada.txt"],
    }


def test_names_of_packages_are_no_secrets(tmp_path):
    assert read_manifest_of(tmp_path)["versions"]["tokenizers"] != "***"


def read_manifest_of(folder: Path):
    write(folder / "out")
    return read_manifest(folder / "out")


def test_a_user_without_a_name_is_no_obstacle(tmp_path, monkeypatch):
    def nameless():
        raise OSError("no username set in the environment")

    monkeypatch.setattr(manifest.getpass, "getuser", nameless)
    assert write(tmp_path / "out", settings={"path": "/a/b"}).exists()


def test_a_damaged_manifest_is_an_error(tmp_path):
    manifest_path(tmp_path / "out").write_text("{")
    with pytest.raises(BadData, match="manifest is damaged"):
        read_manifest(tmp_path / "out")
    assert read_manifest(tmp_path / "other") is None


def test_fingerprints_depend_on_values_and_not_on_order():
    one = fingerprint(settings={"a": 1, "b": [1, 2]}, model="m")
    assert one == fingerprint(model="m", settings={"b": [1, 2], "a": 1})
    assert len({one, fingerprint(settings={"a": 1, "b": [2, 1]}, model="m"), fingerprint(model="m")}) == 3


def test_what_streams_into_a_fingerprint_counts_as_a_list():
    rows = [{"b": 1, "a": ("é", None)}, {"c": []}]
    for some in (rows, []):
        assert fingerprint(rows=iter(some), a=1) == fingerprint(rows=some, a=1)
    whole = json.dumps({"a": 1, "rows": rows}, sort_keys=True)
    assert fingerprint(rows=iter(rows), a=1) == hashlib.sha256(whole.encode()).hexdigest()[:32]
