"""An output that cannot be written to, and one that another process writes: one line, and nothing changed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detox_cli.runs.lock import output_lock
from detox_cli.settings.sections import SECTIONS, section_model
from tests.conftest import Outcome
from tests.faults.commands import LINES, output_of
from tests.training_pairs import write_pairs

Detox = Callable[..., Outcome]
COMMANDS = ("generate", "synth pairs", "merge", "train bart")


@pytest.fixture(params=COMMANDS)
def words(
    request: pytest.FixtureRequest, tiny_causal: Path, tiny_seq2seq: Path, tmp_path: Path
) -> list[object]:
    """A command line with all but its output."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "texts.txt").write_text("The weather is\nThat was silly\n")
    return {
        "generate": ["generate", tiny_causal, folder / "texts.txt"],
        "synth pairs": ["synth", "pairs", folder / "texts.txt", "-m", tiny_causal],
        "merge": ["merge", tiny_causal, tiny_causal],
        "train bart": ["train", "bart", write_pairs(folder), "-m", tiny_seq2seq, "--select", "loss"],
    }[request.param]


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be made."""
    place = tmp_path / "closed"
    place.mkdir()
    if os.geteuid() != 0:
        place.chmod(0o500)
        yield place
        place.chmod(0o700)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only one who may mount can close a folder to a superuser")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


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


def test_a_place_that_is_read_only(words: list[object], detox: Detox, unwritable: Path) -> None:
    told(detox(*words, "-o", unwritable / "out.jsonl"), "cannot be written")
    assert not list(unwritable.iterdir())


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
    assert json.loads((tmp_path / "out.jsonl.detox.json").read_text())["wall_seconds"] == 0
    assert detox(*words, "-o", tmp_path / "out.jsonl").code == 0


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
