"""Weights that are split over processes: torch's FSDP on two processes, and the configurations we ship."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from safetensors.torch import load_file
from torch.distributed.fsdp import StateDictType

from detox_cli.errors import BadSettings
from detox_cli.services.train_cmd.run import run as train_cmd
from detox_cli.services.train_dpo.run import run as train_dpo
from detox_cli.services.train_lm.run import run as train_lm
from detox_cli.services.training.sharding import check_split, check_start, needs_whole
from detox_cli.settings.train_lm import LmSettings
from tests.chain_rows import quick_cmd, write_chains
from tests.preference_pairs import quick_tuning, read_log, write_preferences
from tests.training_pairs import quick_training, write_pairs

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "profiles" / "accelerate"


def launch(runs: list[tuple[str, object]], folder: Path) -> str:
    """Train one after another in two processes, with the shipped configuration of FSDP; what they say."""
    (folder / "runs.json").write_text(json.dumps([[kind, one.model_dump(mode="json")] for kind, one in runs]))
    given = ["--config_file", str(SHIPPED / "fsdp.yaml"), "--num_processes", "2", "--main_process_port", "0"]
    script = str(Path(__file__).with_name("split_on_cpus.py"))
    ran = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *given, script, str(folder / "runs.json")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stderr


def test_split_weights_learn_and_are_saved_as_whole_ones_do(tiny_causal, tiny_gpt2, tiny_seq2seq, tmp_path):
    chains, preferences = write_chains(tmp_path / "chains"), write_preferences(tmp_path)
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": f"this is text {n} of many"}) + "\n" for n in range(32)))
    shared = {"device": "cpu", "precision": "float32", "epochs": 1, "learning_rate": 1e-3}
    lm = {"model": str(tiny_gpt2), "data": (str(texts),), "eval_share": 0.25, "select": "loss", **shared}

    def runs(name: str, batch: int) -> list[tuple[str, object]]:
        place = tmp_path / name
        sampled = {"contrast": "cmd", "anchor": "sample", "lora": "none", "batch_size": batch}
        return [
            ("lm", LmSettings(output=place / "lm", batch_size=batch, **lm)),
            (
                "dpo",
                quick_tuning(preferences, place / "dpo", tiny_causal, epochs=1, batch_size=batch, lora="4"),
            ),
            ("cmd", quick_cmd(chains, place / "cmd", tiny_causal, epochs=1, **sampled)),
        ]

    for (_, settings), run in zip(runs("one", 8), (train_lm, train_dpo, train_cmd), strict=True):
        run(settings)
    bart = quick_training(write_pairs(chains), tmp_path / "bart", tiny_seq2seq, select="last")
    said = launch([*runs("two", 4), ("bart", bart)], tmp_path)
    for kind, close in (("lm", 0.01), ("dpo", 1e-4), ("cmd", 1e-3)):  # GPT-2 drops out
        one, two = (tmp_path / name / kind for name in ("one", "two"))
        first = [read_log(folder)[0] for folder in (one, two)]
        for record in first:  # what is sampled to contrast with depends on the batch
            record["loss"] -= record.get("contrast", 0.0)
        assert first[1]["loss"] == pytest.approx(first[0]["loss"], rel=close), kind
        if kind != "cmd":
            assert first[1]["grad_norm"] == pytest.approx(first[0]["grad_norm"], rel=10 * close), kind
        whole, split = (load_file(folder / "model.safetensors") for folder in (one, two))
        assert whole.keys() == split.keys(), f"{kind}: a tied weight is written once"
        assert all(split[name].shape == weight.shape for name, weight in whole.items())
        assert not (tmp_path / "two" / f"{kind}.training").exists()
    assert "whole model" in said and not bart.output.exists()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_the_shipped_configurations(path, monkeypatch):
    shipped = load_config_from_file(str(path))
    assert shipped.mixed_precision == "no", "--precision decides"
    if shipped.distributed_type == DistributedType.FSDP:
        for name, value in shipped.fsdp_config.items():
            monkeypatch.setenv(name.upper(), str(value))
        plugin = FullyShardedDataParallelPlugin()
        assert plugin.fsdp_version == 2 and plugin.reshard_after_forward
        assert plugin.state_dict_type == StateDictType.FULL_STATE_DICT
        assert not plugin.cpu_ram_efficient_loading
    else:
        assert shipped.distributed_type == DistributedType.DEEPSPEED
        split = shipped.deepspeed_config
        assert f"zero{split['zero_stage']}" == path.stem
        assert split.get("zero3_save_16bit_model", False) == (split["zero_stage"] == 3)


def test_what_cannot_be_split_is_said(monkeypatch):
    plain = SimpleNamespace(is_fsdp_enabled=False, is_deepspeed_enabled=False)
    check_split(plain)
    needs_whole(plain, "it", "--qlora")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(BadSettings, match="FSDP was asked for, and accelerate has it for GPUs only"):
        check_split(plain)
    check_start()
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    with pytest.raises(BadSettings, match="every process has to read the model"):
        check_start()
