"""DeepSpeed's ZeRO on two processes without a GPU: the steps and the model of one process."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "profiles" / "accelerate"


@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
@pytest.mark.parametrize("stage", [2, 3])
def test_split_states_learn_and_are_saved_as_whole_ones(stage, detox, tiny_gpt2, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": f"this is text {n} of many"}) + "\n" for n in range(32)))
    words = ["train", "lm", str(tiny_gpt2), "--data", str(texts), "--epochs", "1", "--eval-share", "0.25"]
    words += [
        "--device",
        "cpu",
        "--precision",
        "float32",
        "--select",
        "last",
        "--learning-rate",
        "0.001",
        "-o",
    ]
    assert detox(*words, tmp_path / "one", "--batch-size", 8).code == 0
    given = ["--config_file", str(SHIPPED / f"zero{stage}.yaml"), "--num_processes", "2"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", *given, "--main_process_port", "0"]
    ran = subprocess.run(
        [*launcher, "-m", "detox_cli", *words, str(tmp_path / "two"), "--batch-size", "4"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DS_ACCELERATOR": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], rel=0.01)  # GPT-2 drops out
    whole, split = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert whole.keys() == split.keys(), "a tied weight is written once"
    assert all(split[name].shape == weight.shape for name, weight in whole.items())
