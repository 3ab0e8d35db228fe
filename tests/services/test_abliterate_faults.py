"""What ``detox abliterate`` says to bad input: one line, the right exit code, and nothing half written."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from detox_cli.models.activations.moments import Moments
from detox_cli.models.direction_file import Measured, read_directions, save_directions
from tests.conftest import SENTENCES, Outcome

Detox = Callable[..., Outcome]
DOWN = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture
def sides(tmp_path: Path) -> tuple[object, ...]:
    """Options for a contrast of two files with forty prompts each."""
    words = sorted({word for sentence in SENTENCES[:5] for word in sentence.split()})
    for name, verb in (("positive", "break"), ("negative", "mend")):
        lines = [f"{verb} the {word}" for word in words[:40]]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    files = ("--positive", tmp_path / "positive.txt", "--negative", tmp_path / "negative.txt")
    return ("--contrast", "files", *files, "--no-filter", "--force")


@pytest.fixture
def source(tiny_causal: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_causal, tmp_path / "source"))


def told(outcome: Outcome, code: int, said: str) -> None:
    """The command failed with one line that says so, and a hint at most."""
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == code and len(lines) == 1 and said in lines[0], outcome.err
    assert "Traceback" not in outcome.err


def truncated(source: Path) -> None:
    path = source / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def not_finite(source: Path) -> None:
    state = load_file(source / "model.safetensors")
    state[DOWN][3, 5] = float("nan")
    save_file(state, source / "model.safetensors", metadata={"format": "pt"})


def configured(**values: object) -> Callable[[Path], None]:
    def change(source: Path) -> None:
        config = json.loads((source / "config.json").read_text())
        (source / "config.json").write_text(json.dumps(config | values))

    return change


def old_pickle(source: Path) -> None:
    state = load_file(source / "model.safetensors")
    (source / "model.safetensors").unlink()
    torch.save(state, source / "pytorch_model.bin", _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "model.safetensors: is cut off: 100 bytes are missing"),
        (not_finite, "the residual stream after layer 1 holds numbers that are not finite"),
        (configured(quantization_config={"quant_method": "gptq"}), "quantised (gptq) and cannot be edited"),
        (configured(quantization_config={"quant_method": "mxfp4"}), "quantised (mxfp4) and cannot be edited"),
        (configured(model_type="novel"), "the family novel is not known; candidates: "),
        (old_pickle, "pytorch_model.bin: cannot be read as plain tensors"),
    ],
)
def test_a_model_that_cannot_be_edited(
    damage: Callable[[Path], None],
    said: str,
    source: Path,
    sides: tuple[object, ...],
    detox: Detox,
    tmp_path: Path,
) -> None:
    damage(source)
    before = sorted(path.name for path in tmp_path.iterdir())
    told(detox("abliterate", source, "-o", tmp_path / "out", *sides, "--measure-only"), 3, said)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_weights_that_are_not_finite_are_seen_before_the_model_answers(
    source: Path, detox: Detox, tmp_path: Path
) -> None:
    not_finite(source)
    outcome = detox("abliterate", source, "-o", tmp_path / "out", "--profile", "offline")
    told(outcome, 3, "the residual stream after layer 1 holds numbers that are not finite")
    assert "rewrites" not in outcome.err


def test_prompts_that_are_too_few(tiny_causal: Path, detox: Detox, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("one prompt\nanother prompt\na third one\nand a fourth\n")
    (tmp_path / "more.txt").write_text("".join(f"prompt {number}\n" for number in range(60)))
    files = ("--positive", tmp_path / "few.txt", "--negative", tmp_path / "more.txt")
    words = ("abliterate", tiny_causal, "-o", tmp_path / "out", "--contrast", "files", *files, "--no-filter")
    told(detox(*words, "--measure-only"), 3, "positive prompts are left to measure on")
    told(detox(*words[:4], "--contrast", "files", "--profile", "offline"), 2, "needs both")
    assert not (tmp_path / "out").exists()


def test_scorers_that_cannot_be_had_are_told_before_any_work(
    source: Path, detox: Detox, tmp_path: Path
) -> None:
    words = ("abliterate", source, "-o", tmp_path / "out", "--sta", "hf:no/such-scorer#toxic")
    told(detox(*words), 4, "no/such-scorer")
    assert "rewrite" not in detox(*words).err  # the model was asked nothing
    words = (*words[:4], "--profile", "offline", "--refusal-scorer", "hf:no/such-judge#refusal")
    told(detox(*words), 4, "no/such-judge")
    words = (*words[:4], "--contrast", "toxicity", "--sta", "hf:no/such-scorer#toxic", "--choose-only")
    told(detox(*words), 4, "no/such-scorer")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


def test_templates_that_lack_something_are_told_once(
    source: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    template = source / "chat_template.jinja"
    template.write_text(
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}<|assistant|>"
    )
    words = ("abliterate", source, *sides, "--measure-only", "--system", "Be brief.")
    outcome = detox(*words, "-o", tmp_path / "folded")
    assert outcome.code == 0 and outcome.err.count("no system role") == 1, outcome.err
    template.unlink()
    outcome = detox(*words, "-o", tmp_path / "plain")
    assert outcome.code == 0 and outcome.err.count("no chat template") == 1, outcome.err


def test_a_template_from_a_file_takes_the_place_of_the_models_own(
    source: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    own = source / "chat_template.jinja"
    moved = own.rename(tmp_path / "own.jinja")
    words = ("abliterate", source, *sides, "--measure-only", "--chat-template")
    outcome = detox(*words, moved, "-o", tmp_path / "out")
    assert outcome.code == 0 and "no chat template" not in outcome.err, outcome.err
    moved.write_text("{% for m in messages %}")
    told(detox(*words, moved, "-o", tmp_path / "other"), 3, "own.jinja:1")


def test_directions_that_do_not_fit(
    tiny_causal: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    out = ("-o", tmp_path / "out", *sides, "--position", "-1", "--parts", "residues")
    measured = tmp_path / "measured"
    assert detox("abliterate", tiny_causal, "-o", measured, *sides, "--measure-only").code == 0
    given = ("abliterate", tiny_causal, *out, "--direction")
    told(detox(*given, tmp_path / "nothing", "--layer", "0"), 3, "there is no such direction file")
    told(detox(*given, measured, "--layer", "7"), 2, "the model has blocks 0 to 1, not 7")
    told(detox(*given, measured), 2, "a direction is at a token and after a block")
    file = measured / "direction.safetensors"
    found = read_directions(file)
    whole = found.measured.positive
    narrow = Moments(
        whole.count, *(part[..., :-3] for part in (whole.mean, whole.mean_square, whole.largest))
    )
    save_directions(tmp_path / "other.safetensors", Measured(narrow, narrow, "files", "another"))
    told(detox(*given, tmp_path / "other.safetensors", "--layer", "0"), 3, "2 layers of width 29")
    file.write_bytes(file.read_bytes()[:-64])
    told(detox(*given, measured, "--layer", "0"), 3, "cannot be read as a direction file")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(
    tiny_causal: Path,
    sides: tuple[object, ...],
    detox: Detox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured, out = tmp_path / "measured", tmp_path / "out"
    assert detox("abliterate", tiny_causal, "-o", measured, *sides, "--measure-only").code == 0

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    place = ("--direction", measured, "--position", "-1", "--layer", "0", "--parts", "residues")
    told(detox("abliterate", tiny_causal, "-o", out, *sides, *place), 1, "the disk is full")
    assert not out.exists() and not [path for path in tmp_path.iterdir() if path.suffix == ".partial"]
    monkeypatch.undo()
    assert detox("abliterate", tiny_causal, "-o", out, *sides, *place).code == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == ["out"]


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    tiny_causal: Path, sides: tuple[object, ...], tmp_path: Path
) -> None:
    words = [str(word) for word in (*sides, "--position", "-1", "--layer", "1")]

    def command(out: str) -> list[str]:
        quick = ["--parts", "refusals", "--new-tokens", "24"]
        return [sys.executable, "-m", "detox_cli", "abliterate", str(tiny_causal), "-o", out, *words, *quick]

    def files(folder: Path) -> dict[str, bytes]:
        paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "detox.json"]
        return {path.name: path.read_bytes() for path in paths}

    subprocess.run(command("whole"), cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen(command("killed"), cwd=tmp_path, stderr=subprocess.PIPE)
    journal = tmp_path / "killed.journal"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (journal.exists() and b'"chosen"' in journal.read_bytes()):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists()
    done = subprocess.run(command("killed"), cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "measuring" not in done.stderr
    one, other = files(tmp_path / "whole"), files(tmp_path / "killed")
    one["README.md"] = one["README.md"].replace(b"whole", b"killed")
    assert one == other and "model.safetensors" in one
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("killed")) == ["killed"]
