"""No pickle runs, whichever command is given one, and under whichever name."""

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from detox_cli.errors import BadData
from detox_cli.output.progress import Silent
from detox_cli.services.train_lm.run import run as train_lm
from detox_cli.settings.train_lm import LmSettings
from tests.conftest import Outcome
from tests.runs_code import RunsCode

CODE = ("pytorch_model.bin", "adapter_model.bin", "model.pt", "model.pkl")


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "code-was-run"


@pytest.fixture
def model(tiny_causal: Path, tmp_path: Path, mark: Path) -> Path:
    """A model folder whose only weights are a pickle that brings code."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_causal, folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({**state, "extra": RunsCode(mark)}, folder / "pytorch_model.bin")
    return folder


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Rows that every command finds its columns in, so that what is wrong is the model."""
    path = tmp_path / "prompts.jsonl"
    row = {
        "text": "Good morning",
        "prompt": "Good",
        "chosen": " day",
        "rejected": " grief",
        "toxic": "a",
        "neutral": "b",
    }
    path.write_text(
        "".join(
            json.dumps({**row, "prompt": f"Good {i}", "toxic": f"bad {i}", "neutral": f"good {i}"}) + "\n"
            for i in range(40)
        )
    )
    return path


def test_a_pickle_that_is_read_at_all_leaves_its_mark(mark: Path) -> None:
    """The trap itself works: else the tests below would pass for nothing."""
    pickle.loads(pickle.dumps(RunsCode(mark)))
    assert mark.exists()


@pytest.mark.parametrize(
    "line",
    [
        "generate MODEL PROMPTS -o out.jsonl",
        "eval generation MODEL --prompts PROMPTS -o out --profile offline",
        "synth preferences MODEL --prompts PROMPTS -o out.jsonl --profile offline",
        "train lm MODEL --data PROMPTS -o out",
        "train dpo MODEL --data PROMPTS -o out",
        "train bart PROMPTS --model MODEL -o out",
        "merge MODEL MODEL -o out",
        "negate MODEL --expert MODEL --scale 0.1 -o out",
        "abliterate MODEL -o out --profile offline",
        "eval rewrite PROMPTS --sta hf:MODEL#toxic --profile offline",
    ],
)
def test_commands_given_a_pickled_model_run_nothing_of_it(
    line: str, model: Path, prompts: Path, mark: Path, detox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prompts.parent)
    words = line.replace("MODEL", str(model)).replace("PROMPTS", str(prompts)).split()
    outcome: Outcome = detox(*words)
    assert not mark.exists()
    assert outcome.code in (2, 3, 4), outcome
    (error,) = [told for told in outcome.err.splitlines() if told.startswith("error: ")]
    assert "pickled" in error or "plain tensors" in error, outcome
    assert not [path for path in prompts.parent.iterdir() if path.name.startswith("out")]


def test_an_adapter_that_is_a_pickle_is_refused(
    tiny_causal: Path, prompts: Path, mark: Path, detox: Any, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2}))
    torch.save({"w": RunsCode(mark)}, adapter / "adapter_model.bin")
    merged = detox("merge", str(tiny_causal), "--adapter", str(adapter), "-o", str(tmp_path / "out"))
    asked = detox("generate", str(tiny_causal), str(prompts), "--adapter", str(adapter), "-o", "-")
    for outcome in (merged, asked):
        assert outcome.code == 2 and "safetensors" in outcome.err, outcome
    assert not mark.exists()


@pytest.mark.parametrize("name", ["rows.pkl", "rows.pickle", "rows.pt", "rows.npy", "rows.jsonl"])
def test_a_pickle_is_no_file_of_rows(name: str, mark: Path, tmp_path: Path, detox: Any) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps(RunsCode(mark)))
    outcome: Outcome = detox("eval", "rewrite", str(path), "--profile", "offline")
    assert outcome.code in (2, 3) and not mark.exists()


def test_a_folder_of_data_brings_no_code(mark: Path, tmp_path: Path, detox: Any) -> None:
    """Hub data sets once came with a script that was run to read them."""
    folder = tmp_path / "tricky"
    folder.mkdir()
    (folder / "tricky.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (folder / "rows.pkl").write_bytes(pickle.dumps(RunsCode(mark)))
    (folder / "rows.jsonl").write_text('{"toxic": "a silly one", "neutral": "one"}\n' * 3)
    detox("eval", "rewrite", str(folder), "--profile", "offline", "--split", "train")
    assert not mark.exists()


def test_a_model_that_brings_code_is_refused_without_trust(
    tiny_causal: Path, tmp_path: Path, detox: Any
) -> None:
    folder, mark = tmp_path / "model", tmp_path / "code-was-run"
    shutil.copytree(tiny_causal, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "tricky", "auto_map": {"AutoConfig": "tricky.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tricky.py").write_text(f"open({str(mark)!r}, 'w')\n")
    prompts = tmp_path / "p.txt"
    prompts.write_text("Good morning\n")
    outcome: Outcome = detox("generate", str(folder), str(prompts), "-o", "-")
    assert outcome.code in (2, 4) and not mark.exists()
    assert "--trust-remote-code" in outcome.err


def test_members_of_an_archive_stay_in_it(tmp_path: Path, detox: Any) -> None:
    """Nothing is unpacked, so a name that climbs out of the archive has nowhere to go."""
    path = tmp_path / "in" / "rtp_lx.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../RTP_LX_EN.json", '{"Prompt": "x"}\n')
    detox("eval", "generation", "builtin:lm", "--prompts", str(path), "-o", str(tmp_path / "out"))
    assert sorted(p.name for p in tmp_path.rglob("RTP_LX*")) == []
    assert sorted(p.name for p in tmp_path.parent.glob("RTP_LX*")) == []


class StopsLater(Silent):
    """Ends a training after its first checkpoint."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if (step or 0) > 4:
            raise InterruptedError


def test_a_checkpoint_that_brings_code_is_refused(tiny_causal: Path, mark: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"this is text {n} of many\n" for n in range(24)))
    shared = {"device": "cpu", "epochs": 2, "batch_size": 8, "eval_share": 0.25}
    settings = LmSettings(model=str(tiny_causal), data=(str(texts),), output=tmp_path / "out", **shared)
    with pytest.raises(InterruptedError):
        train_lm(settings, StopsLater())
    (checkpoint,) = (tmp_path / "out.training").glob("checkpoint-*")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        whole = (checkpoint / name).read_bytes()
        torch.save({"x": RunsCode(mark)}, checkpoint / name)
        with pytest.raises(BadData, match="a checkpoint is damaged"):
            train_lm(settings)
        assert not mark.exists()
        (checkpoint / name).write_bytes(whole)
    train_lm(settings)
