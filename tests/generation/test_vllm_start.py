"""vLLM shares a model between processes; and where it does not start, the reason is told apart and said.

The commands run in processes of their own, as users run them, where vLLM is installed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from detox_cli.errors import BadSettings
from detox_cli.generation.vllm_start import check_split, start_error
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import find_model
from tests.generation.real_servers import CPU, is_installed

PROMPTS = ("The weather is", "You know that people", "I think the page", "This is a silly idea and")
needs_vllm = pytest.mark.skipif(not is_installed("vllm"), reason="vLLM is not installed")


def generate(model: Path | str, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """Greedy answers to `PROMPTS` from a process of its own; its rows stand in its standard output."""
    prompts = folder / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS) + "\n")
    asked = ["generate", str(model), str(prompts), "-o", "-", "--temperature", "0", "--max-new-tokens", "12"]
    return subprocess.run(
        [sys.executable, "-m", "detox_cli", *asked, *words],
        env=os.environ | CPU | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )


def answers(run: subprocess.CompletedProcess) -> list[tuple[str, str, int]]:
    assert run.returncode == 0, run.stderr[-3000:]
    rows = map(json.loads, run.stdout.splitlines())
    return [(row["output"], row["finish_reason"], row["tokens"]) for row in rows]


@pytest.fixture
def even_chat(tmp_path: Path) -> Path:
    """`builtin:chat` with each of its 3 key/value heads written down twice: equal halves, same answers."""
    from transformers import AutoModelForCausalLM

    source = find_model("builtin:chat")
    chat = AutoModelForCausalLM.from_pretrained(source.location, dtype=torch.float32)
    config = read_config(source)
    twice = {
        name: weight.unflatten(0, (-1, config.head_dim)).repeat_interleave(2, 0).flatten(0, 1)
        for name, weight in chat.state_dict().items()
        if name.endswith(("k_proj.weight", "v_proj.weight"))
    }
    config.num_key_value_heads *= 2
    even = AutoModelForCausalLM.from_config(config)
    even.load_state_dict({**chat.state_dict(), **twice})
    even.save_pretrained(tmp_path / "even")
    load_tokenizer(source).save_pretrained(tmp_path / "even")
    return tmp_path / "even"


@needs_vllm
def test_two_processes_that_share_a_model_answer_as_one(even_chat, tmp_path):
    whole = answers(generate("builtin:chat", tmp_path))
    assert len({text for text, _, _ in whole}) == len(PROMPTS)
    assert answers(generate(even_chat, tmp_path, "--engine", "vllm")) == whole
    shared = generate(even_chat, tmp_path, "--engine", "vllm", "--tensor-parallel", "2")
    assert answers(shared) == whole
    assert "Worker_TP1" in shared.stderr or "VllmWorker-1" in shared.stderr, "there was no second worker"


@pytest.mark.parametrize("devices", [2, 3])
def test_a_model_that_cannot_be_shared_equally_is_refused_at_once(monkeypatch, detox, tmp_path, devices):
    monkeypatch.setattr("detox_cli.services.engine.require_vllm", lambda: None)
    (tmp_path / "prompts.txt").write_text("hello\n")
    words = ("--engine", "vllm", "--tensor-parallel", devices)
    refused = detox("generate", "builtin:chat", tmp_path / "prompts.txt", *words)
    assert refused.code == 2 and "hint: leave it out" in refused.err
    assert f"cannot be shared by {devices} devices in equal parts" in refused.err
    assert "6 attention heads, 3 key/value heads, 512 MLP columns" in refused.err


def test_heads_are_shared_or_repeated_as_vllm_does():
    from transformers import GPT2Config, LlamaConfig, MambaConfig, MixtralConfig

    grouped = LlamaConfig(num_attention_heads=32, num_key_value_heads=8, intermediate_size=14336)
    for count in (1, 2, 4, 8, 16, 32):
        check_split("grouped", grouped, count)
    with pytest.raises(BadSettings, match="by 3 devices") as raised:
        check_split("grouped", grouped, 3)
    assert raised.value.hint == "this model can be shared by 2, 4, 8, 16, 32"
    check_split("experts", MixtralConfig(num_attention_heads=32, intermediate_size=999), 2)
    check_split("recurrent", MambaConfig(num_hidden_layers=2), 2)
    with pytest.raises(BadSettings, match="12 attention heads"):
        check_split("gpt2", GPT2Config(), 8)


def test_what_is_about_memory_is_told_from_what_is_not():
    for error in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
        ValueError("Free memory on device cuda:0 (3/80 GiB) on startup is less than desired"),
    ):
        found = start_error("a/model", error)
        assert found.exit_code == 1 and "memory is too small for a/model" in str(found)
        assert "--tensor-parallel" in found.hint
    worker = start_error("a/model", Exception("WorkerProc initialization failed"), tensor_parallel=4)
    assert "one of the 4 workers" in str(worker) and "stand above" in worker.hint
    other = start_error("a/model", KeyError("layers.0.mlp"), tensor_parallel=4)
    assert other.exit_code == 1 and str(other) == "vLLM could not load a/model: KeyError: 'layers.0.mlp'"


@needs_vllm
def test_vllm_says_which_of_its_failures_are_settings(tmp_path):
    """For real: a cache that no machine has room for, an architecture that vLLM lacks, a broken file."""
    words = ("--engine", "vllm")
    short = generate("builtin:chat", tmp_path, *words, VLLM_CPU_KVCACHE_SPACE="4000")
    assert short.returncode == 1 and "error: the memory is too small for builtin:chat" in short.stderr
    assert "VLLM_CPU_KVCACHE_SPACE=4" in short.stderr and short.stdout == ""
    unknown, broken = tmp_path / "unknown", tmp_path / "broken"
    for folder in (unknown, broken):
        shutil.copytree(find_model("builtin:chat").location, folder)
    config = json.loads((unknown / "config.json").read_text())
    (unknown / "config.json").write_text(json.dumps(config | {"architectures": ["NobodysForCausalLM"]}))
    refused = generate(unknown, tmp_path, *words)
    assert refused.returncode == 2 and "error: vLLM cannot run" in refused.stderr
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    cut = generate(broken, tmp_path, *words)
    assert cut.returncode == 1 and "SafetensorError" in cut.stderr and "--debug" in cut.stderr
