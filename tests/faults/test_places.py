"""An output that another process writes, and clocks that jump: one line or none, and nothing changed."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.runs.lock import output_lock
from detox_cli.settings.sections import SECTIONS, section_model
from tests.conftest import Outcome
from tests.faults.closing import told
from tests.faults.commands import LINES, output_of

Detox = Callable[..., Outcome]


def test_two_processes_on_one_output(detox: Detox, tiny_causal: Path, tmp_path: Path) -> None:
    place = tmp_path / "outputs"
    (tmp_path / "texts.txt").write_text("The weather is\nThat was silly\n")
    with output_lock(place / "out.jsonl"):
        before = sorted(place.rglob("*"))
        words = ["generate", tiny_causal, tmp_path / "texts.txt", "-o", place / "out.jsonl"]
        told(detox(*words), "another process is working on this output")
        assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("name", LINES)
def test_no_command_begins_on_an_output_that_is_held(
    name: str, detox: Detox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with output_lock(output_of(name)):
        before = sorted(tmp_path.rglob("*"))
        told(detox(*LINES[name].split()), "another process is working on this output")
        assert sorted(tmp_path.rglob("*")) == before


def test_every_command_with_an_output_has_a_line() -> None:
    writing = {
        name.replace(".", " ").replace("_", "-")
        for name in SECTIONS
        if "output" in section_model(name).model_fields
    }
    assert writing == {name.partition(" --")[0] for name in LINES}


def test_a_clock_that_is_put_back(
    detox: Detox, tiny_causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts.txt").write_text("The weather is\nThat was silly\n")
    words = ["generate", tiny_causal, tmp_path / "texts.txt", "--max-new-tokens", 2, "--device", "cpu"]
    assert detox(*words, "-o", tmp_path / "calm.jsonl").code == 0
    seconds = iter(range(2_000_000_000, 0, -3600))
    monkeypatch.setattr("time.time", lambda: float(next(seconds)))
    done = detox(*words, "-o", tmp_path / "out.jsonl")
    assert done.code == 0, done.err
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "calm.jsonl").read_bytes()
    assert json.loads((tmp_path / "out.jsonl.detox.json").read_text())["wall_seconds"] >= 0
    assert detox(*words, "-o", tmp_path / "out.jsonl").code == 0


def test_a_clock_that_jumps_while_a_command_works(
    detox: Detox, tiny_causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed (faketime of Debian)")
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("".join(f"this is text {n} of many\n" for n in range(24)))
    Path("clock").write_text("+0\n")
    jumping = os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    words = ["train", "lm", tiny_causal, "--data", "texts.txt", "--epochs", 2, "--batch-size", 4]
    words += ["--eval-share", 0.2, "--device", "cpu", "-o"]
    assert detox(*words, "calm").code == 0
    begun = time.monotonic()
    line = [sys.executable, "-m", "tests.faults.jumping", "clock", *map(str, words), "out"]
    done = subprocess.run(line, env=jumping, capture_output=True, text=True)
    real = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    for name in ("model.safetensors", "metrics.jsonl"):
        assert Path("out", name).read_bytes() == Path("calm", name).read_bytes()
    assert 0 <= json.loads(Path("out/detox.json").read_text())["wall_seconds"] < real
    assert not re.search(r"-\d[\d.]*(/s| s| min| h)", done.stderr), done.stderr
    assert detox(*words, "out").code == 0, "a run that is done"


INTERRUPTED_IMPORT = """
import sys
from detox_cli.__main__ import main
from detox_cli.commands import profile
from detox_cli.commands._shared import command
from detox_cli.settings.base import Section

@command("bake", Section, examples=["detox profile list"], resumable=True)
def work(settings, progress):
    exec("raise KeyboardInterrupt")  # as while a dataclass is made

profile.list_profiles = work
sys.argv = ["detox", "profile", "list"]
main()
"""


def test_an_interruption_while_classes_are_made_has_the_code_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "baking.py").write_text(INTERRUPTED_IMPORT)
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    words = [sys.executable, "-m", "baking"]  # a module: only there Python looks at what an exec has left
    done = subprocess.run(words, env=place, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
