"""The steps of ``detox abliterate`` alone, on a tiny random model: each from what the one before has left."""

import gc
import json
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from detox_cli.generation.load import load_engine
from detox_cli.models.checkpoint.dequantise import quantisation_of
from detox_cli.models.direction_file import read_directions
from detox_cli.services.abliterate import base
from detox_cli.services.abliterate.choosing import first_half
from detox_cli.services.abliterate.verify import stages
from tests.conftest import SENTENCES, Outcome

Detox = Callable[..., Outcome]
FORWARD = ("--parts", "forward")


@pytest.fixture
def sides(tmp_path: Path) -> tuple[object, ...]:
    """Options for a contrast of two small files."""
    words = " ".join(SENTENCES[:4]).split()
    for name, part in (("positive", words[::2]), ("negative", words[1::2])):
        lines = [f"{word} number {count}" for count, word in enumerate(part)]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    files = ("--positive", tmp_path / "positive.txt", "--negative", tmp_path / "negative.txt")
    return ("--contrast", "files", *files, "--no-filter", "--force", "--positions", "2")


@pytest.fixture
def direction(tiny_causal: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path) -> Path:
    """What ``--measure-only`` writes for the tiny model."""
    outcome = detox("abliterate", tiny_causal, "-o", tmp_path / "measured", *sides, "--measure-only")
    assert outcome.code == 0, outcome.err
    return tmp_path / "measured"


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many models were in memory whenever one more had been loaded."""
    models: list[weakref.ref[torch.nn.Module]] = []
    counts: list[int] = []

    def load(*args, **kwargs):
        engine = load_engine(*args, **kwargs)
        models.append(weakref.ref(engine.model))
        gc.collect()
        counts.append(sum(model() is not None for model in models))
        return engine

    for place in (base, stages):
        monkeypatch.setattr(place, "load_engine", load)
    return counts


def test_measure_then_write_then_verify(
    tiny_causal: Path,
    direction: Path,
    sides: tuple[object, ...],
    detox: Detox,
    tmp_path: Path,
    alive: list[int],
) -> None:
    assert sorted(path.name for path in direction.iterdir()) == ["detox.json", "direction.safetensors"]
    measured = read_directions(direction / "direction.safetensors")
    assert measured.removal is None and measured.measured.positions == (-2, -1)
    place = ("--position", "-1", "--layer", "1", *sides, *FORWARD)
    outcome = detox("abliterate", tiny_causal, "-o", tmp_path / "out", "--direction", direction, *place)
    assert outcome.code == 0, outcome.err
    written = read_directions(tmp_path / "out" / "direction.safetensors")
    basis = written.removal.bases[0]
    wanted = measured.measured.difference()[-1, 1]
    assert np.allclose(basis[:, 0], wanted / np.linalg.norm(wanted))
    weight = load_file(tmp_path / "out" / "model.safetensors")["model.layers.0.self_attn.o_proj.weight"]
    assert np.abs(basis.T @ weight.double().numpy()).max() < 1e-6
    report = detox(
        "abliterate",
        tiny_causal,
        "--verify",
        tmp_path / "out",
        *sides,
        *FORWARD,
        "--parts",
        "residues",
        "--json",
    )
    assert report.code == 0, report.err
    found = json.loads(report.out)["verification"]
    assert found["residues"] and all(tensor["met"] for tensor in found["residues"])
    assert (
        max(module["after"] for module in found["writing"])
        < 1e-5
        < max(m["before"] for m in found["writing"])
    )
    assert alive == [1, 1, 1, 1]  # before and after, twice


def test_toxic_text_is_measured_inside_not_at_its_full_stop(
    tiny_causal: Path, detox: Detox, tmp_path: Path
) -> None:
    words = ("abliterate", tiny_causal, "--contrast", "toxicity", "--measure-only", "-o")
    for name, how, count in (("raw", ("--raw",), 8), ("few", ("--raw", "--positions", "3"), 3)):
        assert detox(*words, tmp_path / name, *how).code == 0
        measured = read_directions(tmp_path / name / "direction.safetensors").measured
        assert measured.positions == tuple(range(-count, 0))
    assert first_half("one two three four five") == "one two" and first_half("one") == "one"


def test_a_dry_run_lists_tensors_and_writes_nothing(tiny_causal: Path, detox: Detox, tmp_path: Path) -> None:
    outcome = detox("abliterate", tiny_causal, "-o", tmp_path / "out", "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    plan = json.loads(outcome.out)
    names = [tensor[0] for tensor in plan["tensors"]]
    assert len(names) == 5 and "model.embed_tokens.weight" in names  # two blocks of two, and the embedding
    assert {tensor[5] for tensor in plan["tensors"]} == {1e-6}
    assert not list(tmp_path.iterdir())


def test_a_choice_that_fails_keeps_what_was_measured(
    tiny_causal: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    words = ("abliterate", tiny_causal, "-o", tmp_path / "out", *sides, *FORWARD)
    failed = detox(*words, "--choose-induce", "1e9")
    assert failed.code == 3 and "none of" in failed.err and "measuring" in failed.err
    assert f"what was measured stays in {tmp_path / 'out.stages'}" in failed.err
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out.stages"]
    assert detox(*words, "--choose-induce", "1e8").code == 3
    done = detox(*words, "--choose-induce", "1e9", "--best-anyway")
    assert done.code == 0 and "measuring" not in done.err, done.err
    others = detox(
        *words[:2], "-o", tmp_path / "whole", *words[4:], "--choose-induce", "1e9", "--best-anyway"
    )
    assert others.code == 0 and "measuring" in others.err
    one, other = (tmp_path / name / "model.safetensors" for name in ("out", "whole"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == ["out"]
    assert one.read_bytes() == other.read_bytes()


def test_what_was_measured_otherwise_is_not_used(
    tiny_causal: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    words = ("abliterate", tiny_causal, "-o", tmp_path / "out", *sides, *FORWARD, "--choose-induce", "1e9")
    assert detox(*words).code == 3
    again = detox(*words, "--positions", "3")
    assert again.code == 3 and "measuring" in again.err
    assert len(list((tmp_path / "out.stages").glob("measured-*"))) == 1


def test_every_block_can_have_its_own_direction(
    tiny_causal: Path, direction: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    """As in the published notebook: one direction per block, the embedding and the first blocks untouched."""
    words = ("--position", "-2", "--layer", "each", "--edit-layers", "1-1", "--embedding-strength", "0")
    out = tmp_path / "out"
    outcome = detox("abliterate", tiny_causal, "-o", out, "--direction", direction, *words, *sides, *FORWARD)
    assert outcome.code == 0, outcome.err
    old, new = (load_file(folder / "model.safetensors") for folder in (tiny_causal, out))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {f"model.layers.1.{name}.weight" for name in ("self_attn.o_proj", "mlp.down_proj")}
    removal = read_directions(out / "direction.safetensors").removal
    assert removal.bases.shape == (2, 32, 1)
    left = removal.bases[1].T @ new["model.layers.1.mlp.down_proj.weight"].double().numpy()
    assert np.abs(left).max() < 1e-6


def test_an_adapter_instead_of_weights(
    tiny_causal: Path, direction: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    words = ("--direction", direction, "--position", "-1", "--layer", "0", *sides, *FORWARD)
    for name, how in (("weights", ()), ("adapter", ("--adapter",))):
        outcome = detox("abliterate", tiny_causal, "-o", tmp_path / name, *words, *how)
        assert outcome.code == 0, outcome.err
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    base = AutoModelForCausalLM.from_pretrained(tiny_causal)
    adapted = PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    edited = AutoModelForCausalLM.from_pretrained(tmp_path / "weights")
    ids = torch.arange(3, 35).reshape(2, 16)
    with torch.no_grad():
        assert torch.allclose(adapted(ids).logits, edited(ids).logits, atol=1e-5)
    report = detox("abliterate", tiny_causal, "--verify", tmp_path / "adapter", *sides, *FORWARD, "--json")
    assert max(m["after"] for m in json.loads(report.out)["verification"]["writing"]) < 1e-5


def test_a_model_that_does_its_task_is_left_alone(tiny_causal: Path, detox: Detox, tmp_path: Path) -> None:
    """A random model refuses nothing, so there is nothing to remove."""
    outcome = detox(
        "abliterate",
        tiny_causal,
        "-o",
        tmp_path / "out",
        "--task-rows",
        "20",
        "--json",
        "--profile",
        "offline",
    )
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["need"]["answered"]["mean"] >= 0.98 and found["files"] == []
    assert "no edit is needed" in outcome.err
    assert not list(tmp_path.iterdir())


def test_an_unmet_limit_leaves_no_model(
    tiny_causal: Path, direction: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    words = ("--direction", direction, "--position", "-1", "--layer", "0", *sides, "--parts", "kl")
    outcome = detox("abliterate", tiny_causal, "-o", tmp_path / "out", *words, "--max-kl", "1e-9", "--json")
    assert outcome.code == 5
    assert "KL" in outcome.err and json.loads(outcome.out)["files"] == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]


@pytest.mark.parametrize("how", ["pickled", "quantised"])
def test_weights_in_other_forms_are_converted_first(
    how: str, tiny_causal: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_causal, source)
    state = load_file(source / "model.safetensors")
    if how == "pickled":
        (source / "model.safetensors").unlink()
        torch.save(state, source / "pytorch_model.bin")
    else:
        for name in [name for name in state if name.endswith("_proj.weight")]:
            scale = state[name].abs().amax(1, keepdim=True) / 400
            state[name] = (state[name] / scale).to(torch.float8_e4m3fn)
            state[name + "_scale"] = scale
        save_file(state, source / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((source / "config.json").read_text())
        config["quantization_config"] = {"quant_method": "compressed-tensors", "format": "float-quantized"}
        (source / "config.json").write_text(json.dumps(config))
    words = ("--position", "-1", "--layer", "0", *sides, *FORWARD, "--json")
    outcome = detox("abliterate", source, "-o", tmp_path / "out", *words)
    assert outcome.code == 0, outcome.err
    assert how in json.loads(outcome.out)["converted"]
    assert quantisation_of(json.loads((tmp_path / "out" / "config.json").read_text())) is None
    assert (
        load_file(tmp_path / "out" / "model.safetensors").keys()
        == load_file(tiny_causal / "model.safetensors").keys()
    )
    card = (tmp_path / "out" / "README.md").read_text()
    assert ("this copy holds plain numbers" in card) == (how == "quantised")
    assert not (tmp_path / "out.stages").exists()


def test_a_model_larger_than_memory_is_measured_block_by_block(
    tiny_causal: Path, direction: Path, sides: tuple[object, ...], detox: Detox, tmp_path: Path
) -> None:
    words = ("abliterate", tiny_causal, "-o", tmp_path / "out", *sides, "--blockwise")
    refused = detox(*words)
    assert refused.code == 2 and "candidates are tried on a model in memory" in refused.err
    outcome = detox(*words, "--position", "-1", "--layer", "1", "--parts", "residues", "--json")
    assert outcome.code == 0, outcome.err
    assert len(json.loads(outcome.out)["written"]["tensors"]) == 5
    one, other = (
        read_directions(folder / "direction.safetensors").measured for folder in (direction, tmp_path / "out")
    )
    assert np.allclose(one.difference(), other.difference(), atol=1e-6) and one.model == other.model
