"""An output that cannot be written to, and one that another process writes: one line, and nothing changed."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detox_cli.runs.lock import output_lock
from detox_cli.settings.sections import SECTIONS, section_model
from tests.conftest import Outcome
from tests.faults.commands import LINES, content, output_of
from tests.training_pairs import write_pairs

Detox = Callable[..., Outcome]
Close = Callable[[Path], Path]
COMMANDS = ("generate", "synth pairs", "merge", "train bart")


@pytest.fixture(params=COMMANDS)
def words(
    request: pytest.FixtureRequest, tiny_causal: Path, tiny_seq2seq: Path, tmp_path: Path
) -> list[object]:
    """A command line with all but its output."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "texts.txt").write_text("The weather is\nThat was silly\n")
    bart = ["train", "bart", write_pairs(folder), "-m", tiny_seq2seq]
    return {
        "generate": ["generate", tiny_causal, folder / "texts.txt"],
        "synth pairs": ["synth", "pairs", folder / "texts.txt", "-m", tiny_causal],
        "merge": ["merge", tiny_causal, tiny_causal],
        "train bart": [*bart, "--select", "loss", "--epochs", 1, "--min-steps", 0, "--batch-size", 8],
    }[request.param]


@pytest.fixture
def closed() -> Iterator[Callable[[Path], Path]]:
    """Makes a folder or a file one that may only be read, until the end of the test."""
    places: list[tuple[Path, int]] = []

    def close(place: Path) -> Path:
        places.append((place, place.stat().st_mode))
        if os.geteuid() != 0:
            place.chmod(0o500)
            return place
        for options in (["--bind", str(place)], ["-o", "remount,ro,bind"]):  # permissions bind no superuser
            if subprocess.run(["mount", *options, str(place)], capture_output=True).returncode:
                pytest.skip("only one who may mount can close a place to a superuser")
        return place

    yield close
    for place, mode in reversed(places):
        if os.geteuid() != 0:
            place.chmod(mode)
        else:
            subprocess.run(["umount", "--lazy", str(place)], capture_output=True)


def told(outcome: Outcome, said: str) -> None:
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 1 and len(lines) == 1 and said in lines[0], outcome.err
    assert "Traceback" not in outcome.err


def test_two_processes_on_one_output(words: list[object], detox: Detox, tmp_path: Path) -> None:
    place = tmp_path / "outputs"
    with output_lock(place / "out.jsonl"):
        before = sorted(place.rglob("*"))
        told(detox(*words, "-o", place / "out.jsonl"), "another process is working on this output")
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


@pytest.mark.parametrize("name", LINES)
def test_no_command_begins_where_nothing_can_be_written(
    name: str, detox: Detox, closed: Close, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    monkeypatch.chdir(closed(tmp_path / "closed"))
    told(detox(*LINES[name].split()), "cannot be written")
    assert not list(Path().iterdir())
    told(detox(*LINES[name].replace("-o ", "-o new/").split()), "cannot be written")


def test_a_finished_run_that_may_only_be_read(
    words: list[object], detox: Detox, closed: Close, tmp_path: Path
) -> None:
    (tmp_path / "outputs").mkdir()
    words += ["-o", tmp_path / "outputs" / "out.jsonl"]
    assert detox(*words).code == 0
    before = content(tmp_path / "outputs")
    closed(tmp_path / "outputs" / "out.jsonl")
    again = detox(*words)
    assert again.code == 0, again.err
    told(detox(*words, "--overwrite"), "cannot be written")
    closed(tmp_path / "outputs")
    told(detox(*words), "cannot be written")
    assert content(tmp_path / "outputs") == before


def test_a_folder_that_is_closed_while_a_command_works(
    detox: Detox, closed: Close, tiny_causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detox_cli.runs.lock.refuse_unwritable", lambda path, overwrite: None)
    (tmp_path / "texts.txt").write_text("The weather is\n")
    (tmp_path / "closed").mkdir()
    output = closed(tmp_path / "closed") / "out.jsonl"
    told(detox("generate", tiny_causal, tmp_path / "texts.txt", "-o", output), "cannot be written")


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
