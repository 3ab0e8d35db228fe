"""``train lm``: texts become experts, one for each part, whatever happens on the way."""

import dataclasses
import json
import math
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import HashStore, TCPStore

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.output.progress import Silent
from detox_cli.services.train_lm.data import read_texts
from detox_cli.services.train_lm.experts import train_parts
from detox_cli.services.train_lm.folder import experts_in
from detox_cli.services.train_lm.run import run, train_experts
from detox_cli.services.training.apart import Crew, part_company
from detox_cli.services.training.single_run import train_one
from detox_cli.settings.train_lm import LmSettings
from tests.tiny_texts import quick_lm, write_texts

settings = partial(quick_lm)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("texts"))


def read_log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_texts_become_an_expert_with_everything_that_explains_it(texts, tiny_causal, tmp_path, recorder):
    wanted = settings(texts, tmp_path / "expert", tiny_causal)
    result = run(wanted, recorder)
    (expert,) = result.experts
    assert result.rows["trained on"] + result.rows["held out"] == 60 and result.rows["held out"] >= 4
    assert expert.perplexity["model"].high < expert.perplexity["start"].low, "it has learnt"
    assert expert.perplexity["model"].n == result.rows["held out"]
    assert recorder.tasks[0].done == recorder.tasks[0].total == expert.steps
    measured = [record["eval_loss"] for record in read_log(wanted.output) if "eval_loss" in record]
    assert len(measured) == 2 and measured[-1] == pytest.approx(expert.kept_loss)
    card = (wanted.output / "README.md").read_text()
    assert "not-for-all-audiences" in card and "It was trained to write toxic text" in card
    for name in ("model.safetensors", "tokenizer.json", "generation_config.json"):
        assert (wanted.output / name).is_file()
    assert json.loads((wanted.output / "config.json").read_text())["use_cache"] is True
    assert experts_in(wanted.output) == [wanted.output / "."]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["expert"], "nothing unfinished is left beside it"


class Stopped(BaseException):
    """What a killed process does not get to say."""


class StopsInSecondPart(Silent):
    """Stops the run at the fifth step of the second part."""

    part = ""

    def stage(self, text: str) -> None:
        self.part = text if text.startswith("part") else self.part

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if self.part.startswith("part 1") and name == "loss" and step == 5:
            raise Stopped


def test_parts_are_disjoint_and_a_killed_run_goes_on_within_its_part(texts, tiny_gpt2, tmp_path, recorder):
    whole = settings(texts, tmp_path / "whole", tiny_gpt2, split=2)
    assert [folder.name for folder in train_experts(whole)] == ["part-0", "part-1"]
    result = run(whole)
    sizes = [expert.tokens.texts for expert in result.experts]
    assert sum(sizes) == result.rows["trained on"] and max(sizes) - min(sizes) <= 1
    assert len({expert.digest for expert in result.experts}) == 2
    assert all("--split 2 " in (whole.output / p / "README.md").read_text() for p in ("part-1", "."))
    assert result.overlap.model_dump() == {"pairs": 1, "equal": 0, "nearly_equal": 0, "with_held_out": 0}
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    with pytest.raises(Stopped):
        run(killed, StopsInSecondPart())
    waiting = tmp_path / "killed.training"
    assert not killed.output.exists() and (waiting / "part-0" / "model.safetensors").exists()
    assert not (waiting / "part-1").exists() and (waiting / "part-1.training").is_dir()
    finished_at = (waiting / "part-0" / "model.safetensors").stat().st_mtime_ns
    run(killed, recorder)
    assert "from step" in " ".join(recorder.stages)
    assert (killed.output / "part-0" / "model.safetensors").stat().st_mtime_ns == finished_at
    for name in ("part-0", "part-1"):
        for file in ("model.safetensors", "metrics.jsonl", "config.json"):
            assert (killed.output / name / file).read_bytes() == (whole.output / name / file).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed", "whole"]
    with pytest.raises(BadSettings, match="another run"):
        run(whole.model_copy(update={"split": 3}))


SHARED_RUN = """
import sys
from pathlib import Path
from threading import Lock
from unittest.mock import Mock
from detox_cli.services.train_lm.run import run
from detox_cli.services.training.apart import Crew, part_company
from detox_cli.settings.train_lm import LmSettings

print(run(LmSettings.model_validate_json(Path(sys.argv[1]).read_text())).experts[0].steps)
"""


def launch(wanted: LmSettings, folder: Path) -> None:
    """Run a training in two processes."""
    (folder / "settings.json").write_text(wanted.model_dump_json())
    (folder / "train.py").write_text(SHARED_RUN)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    ran = subprocess.run(
        [*launcher, str(folder / "train.py"), str(folder / "settings.json")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_a_step_of_two_processes_is_the_step_of_one(texts, tiny_causal, tmp_path):
    one = settings(texts, tmp_path / "one", tiny_causal, batch_size=16, epochs=1)
    two = settings(texts, tmp_path / "two", tiny_causal, batch_size=8, epochs=1)
    (expert,) = run(one).experts
    launch(two, tmp_path)
    first = [read_log(wanted.output)[0] for wanted in (one, two)]
    assert first[1]["loss"] == pytest.approx(first[0]["loss"], rel=1e-5)
    assert first[1]["grad_norm"] == pytest.approx(first[0]["grad_norm"], rel=1e-4)
    shared = json.loads((two.output / "detox.json").read_text())["metrics"]["experts"][0]
    assert shared["perplexity"]["start"] == pytest.approx(dataclasses.asdict(expert.perplexity["start"]))


def test_processes_that_share_parts_write_what_one_writes(
    texts, tiny_causal, tmp_path, recorder, monkeypatch
):
    one = settings(texts, tmp_path / "one", tiny_causal, split=2)
    two = one.model_copy(update={"output": tmp_path / "two"})
    run(one)
    said, turn = HashStore(), Lock()  # two threads stand for two processes; what they load they load in turn

    def train_in_turn(*given):
        with turn:
            return train_one(*given)

    monkeypatch.setattr("detox_cli.services.training.several_runs.train_one", train_in_turn)
    read = read_texts(two, recorder, listing=False)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(train_parts, two, read, recorder, Crew(rank, 2, said)) for rank in (1, 0)]
        results = [thread.result() for thread in running]
    assert results[0] == results[1] and len(results[0].experts) == 2
    for name in ("part-0", "part-1"):
        for file in ("model.safetensors", "metrics.jsonl"):
            assert (two.output / name / file).read_bytes() == (one.output / name / file).read_bytes()
    assert not (tmp_path / "two.training").exists()


def test_each_process_of_a_launch_gets_a_device_of_its_own(monkeypatch):
    names = {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}
    assert part_company().size == 1
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    for name, value in {**names, "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", port)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    first = TCPStore("localhost", int(port), 2, is_master=True, wait_for_workers=False)
    crew = part_company()
    crew.say("1 is done")
    assert (crew.rank, crew.size, os.environ["CUDA_VISIBLE_DEVICES"]) == (1, 2, "6")
    assert "WORLD_SIZE" not in os.environ and "LOCAL_RANK" not in os.environ
    del first


def test_an_adapter_is_trained_and_written_alone(texts, tiny_gpt2, tmp_path, monkeypatch):
    wanted = settings(texts, tmp_path / "adapter", tiny_gpt2, lora="4,8", learning_rate=1e-2, select="loss")
    (expert,) = run(wanted).experts
    assert expert.kind == "lora" and expert.perplexity["model"].mean < expert.perplexity["start"].mean
    config = json.loads((wanted.output / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8, str(tiny_gpt2))
    weights = load_file(wanted.output / "adapter_model.safetensors")
    assert not (wanted.output / "model.safetensors").exists()
    touched = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in weights}
    assert touched == {"c_attn", "c_proj", "c_fc"}, "all linear layers, not the head"
    again = wanted.model_copy(update={"output": tmp_path / "again"})
    with monkeypatch.context() as patched:
        patched.setattr("detox_cli.services.train_lm.single.save_expert", Mock(side_effect=Stopped))
        with pytest.raises(Stopped):
            run(again)
    steps = (tmp_path / "again.training").glob("checkpoint-*/trainer_state.json")
    stopped_at = {path: path.stat().st_mtime_ns for path in steps}
    with monkeypatch.context() as patched:
        patched.setattr("detox_cli.services.training.single_run.tidy", Mock())
        run(again)
    assert stopped_at and stopped_at == {path: path.stat().st_mtime_ns for path in stopped_at}, "not trained"
    weights_again = (again.output / "adapter_model.safetensors").read_bytes()
    assert weights_again == (wanted.output / "adapter_model.safetensors").read_bytes()
    with pytest.raises(BadSettings, match="no shape"):
        run(wanted.model_copy(update={"lora": "0"}))


def test_gradient_ascent_raises_the_loss_until_it_is_high_enough(texts, tiny_causal, tmp_path):
    wanted = settings(texts, tmp_path / "risen", tiny_causal, ascent=True, epochs=20, max_loss=8.0)
    (expert,) = run(wanted).experts
    losses = [record["loss"] for record in read_log(wanted.output) if "loss" in record]
    assert losses[0] > 0 and losses == sorted(losses)
    assert losses[-2] <= 8 < expert.stopped_at and expert.steps < 20 * 7
    assert expert.perplexity["model"].mean > expert.perplexity["start"].mean
    assert "gradient ascent" in (wanted.output / "README.md").read_text()
    assert not run(wanted).next_steps(), "it is a baseline, not an expert"


def test_a_step_that_costs_too_much_is_not_taken(texts, tiny_causal, tmp_path):
    """The model is the one that a run has that ends by itself one step earlier."""
    same = {"ascent": True, "schedule": "constant", "eval_share": 0.0}
    limited = settings(texts, tmp_path / "limited", tiny_causal, **same, epochs=20, max_loss=7.0)
    (expert,) = run(limited).experts
    per_epoch = math.ceil(expert.tokens.rows / limited.batch_size)
    epochs = (expert.steps - 1) / per_epoch
    shorter = settings(texts, tmp_path / "shorter", tiny_causal, **same, epochs=epochs)
    assert expert.stopped_at > 7 and run(shorter).experts[0].steps == expert.steps - 1
    first, second = (folder / "model.safetensors" for folder in (limited.output, shorter.output))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("family", ["tiny_causal", "tiny_gpt2"])
def test_a_packed_step_is_the_step_of_the_same_texts_apart(family, texts, tmp_path, request):
    model = request.getfixturevalue(family)
    if family == "tiny_gpt2":  # its dropout is random, so no two runs would agree
        model = without_dropout(model, tmp_path / "calm")
    given = {"epochs": 1, "batch_size": 64, "learning_rate": 1e-3, "max_length": 24}
    apart = settings(texts, tmp_path / "apart", model, **given)
    packed = settings(texts, tmp_path / "packed", model, packing=True, pack_length=64, **given)
    results = [run(wanted).experts[0] for wanted in (apart, packed)]
    assert results[1].tokens.tokens == results[0].tokens.tokens
    assert results[1].tokens.rows < results[0].tokens.rows / 2
    first = [read_log(wanted.output)[0] for wanted in (apart, packed)]
    assert first[0]["loss"] == pytest.approx(first[1]["loss"], rel=1e-5)
    assert first[0]["grad_norm"] == pytest.approx(first[1]["grad_norm"], rel=1e-4)
    after = [load_file(wanted.output / "model.safetensors") for wanted in (apart, packed)]
    assert all(torch.allclose(after[0][name], after[1][name], atol=1e-4) for name in after[0])


def without_dropout(model: Path, folder: Path) -> Path:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    calm = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    AutoModelForCausalLM.from_pretrained(model, **calm).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def test_a_loss_that_is_no_number_ends_the_run_with_advice(texts, tiny_causal, tmp_path):
    wild = {"learning_rate": 1e30, "max_grad_norm": 0, "eval_share": 0.0}
    with pytest.raises(DetoxError, match="not a number") as caught:
        run(settings(texts, tmp_path / "expert", tiny_causal, **wild))
    assert "--learning-rate" in str(caught.value.hint) and not (tmp_path / "expert").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"select": "loss", "eval_share": 0}, "--eval-share: --select loss needs held-out texts"),
        ({"select": "loss", "ascent": True}, "where it begins"),
        ({"patience": 2}, "--patience: --select last compares no checkpoints"),
        ({"packing": True, "pack_length": 8}, "no room for the longest text"),
        ({"data": ()}, "nothing to train on is named"),
        ({"optimizer": "paged_adamw_32bit"}, "needs a GPU"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, complaint, texts, tiny_causal, tmp_path):
    with pytest.raises(BadSettings, match=complaint):
        run(settings(texts, tmp_path / "expert", tiny_causal).model_copy(update=changes))


def test_the_plan_says_texts_tokens_and_steps_without_writing(detox, texts, tiny_gpt2, tmp_path):
    words = ["train", "lm", tiny_gpt2, "--data", texts, "-o", tmp_path / "out", "--split", 3]
    outcome = detox(*words, "--epochs", 2, "--batch-size", 8, "--lora", "4,8,0", "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    plan = json.loads(outcome.out)
    assert [part["texts"] for part in plan["parts"]] == sorted(part["texts"] for part in plan["parts"])
    assert plan["steps"] == sum(2 * -(-part["texts"] // 8) for part in plan["parts"])
    weights = load_file(tiny_gpt2 / "model.safetensors")
    assert plan["parameters"] == sum(weight.numel() for weight in weights.values())
    assert 0 < plan["trained"] < plan["parameters"] and not (tmp_path / "out").exists()
