"""The page about size: its tables are what the script prints, its commands are ones that exist."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, BartConfig, GPT2Config, LlamaConfig

from benchmarks.scale import PAGE, with_tables
from benchmarks.scale_costs import LLAMA2, LLAMA3, MODELS, Training, training_cost
from detox_cli.services.training.memory import count_parameters

SCRIPT = re.compile(r"```bash\n(#!/bin/bash\n.*?)```", re.DOTALL)
LAUNCH = re.compile(r"accelerate launch (.*?) -m detox_cli", re.DOTALL)


def test_the_tables_are_what_the_script_prints() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "renew them: python -m benchmarks.scale --write"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("openai-community/gpt2-xl", GPT2Config(n_layer=48, n_embd=1600, n_head=25)),
        ("meta-llama/Llama-2-7b-hf", LlamaConfig()),
        ("facebook/bart-large", BartConfig()),
    ],
)
def test_models_have_as_many_weights_as_their_configurations_say(name: str, config: object) -> None:
    auto = AutoModelForSeq2SeqLM if "bart" in name else AutoModelForCausalLM
    assert MODELS[name].weights == count_parameters(auto, config)


def test_adapters_and_memory_are_those_that_were_published() -> None:
    assert MODELS["openai-community/gpt2-xl"].adapter(8, everywhere=False) == 2_457_600  # CMD, train.sh
    assert LLAMA2.adapter(8, everywhere=False) == 4_194_304  # CMD, table 4
    assert LLAMA3.kv_bytes() == 131_072  # 2 x 32 blocks x 8 heads of 128, bfloat16
    training = Training("task-vector-llama2-7b", "train.lm", 20_000)
    cost = training_cost(training, LLAMA2, training.rows)
    assert cost.states == 8 * LLAMA2.weights, "weights, gradients and two moments in bfloat16"
    assert cost.gpus() == 1


def test_scripts_are_bash_and_launches_are_known_to_accelerate(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    scripts = SCRIPT.findall(page)
    assert scripts
    for script in scripts:
        (tmp_path / "job").write_text(script)
        subprocess.run(["bash", "-n", str(tmp_path / "job")], check=True)
    launches = [shlex.split(re.sub(r"\$\(\(.*?\)\)", "8", one)) for one in LAUNCH.findall(page)]
    assert len(launches) >= 6
    for words in launches:
        numbers = [re.sub(r"^\$[A-Z_]+$", "2", word) for word in words if word.strip() and word != "…"]
        given = launch_command_parser().parse_args([*numbers, "script.py"])
        assert given.training_script == "script.py" and not given.training_script_args
