"""``detox negate``: a base and experts in; candidates in memory; a folder out, or one clear line."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.conftest import SENTENCES, Outcome
from tests.parity.merges import tensors, write_models

Detox = Callable[..., Outcome]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Folders ``base``, ``m0``, ``m1`` and ``m2``."""
    folder = tmp_path / "models"
    write_models(folder)
    return folder


@pytest.fixture(scope="module")
def road(tiny_causal: Path, tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``base``, two parts in ``experts``, ``clean``, ``prompts.jsonl`` and ``scorer``."""
    folder = tmp_path_factory.mktemp("road")
    shutil.copytree(tiny_classifier, folder / "scorer")
    places = {"base": 0.0, "experts/part-0": 1.0, "experts/part-1": 1.0, "clean": -0.3}
    shared = np.random.default_rng(0)
    base = load_file(tiny_causal / "model.safetensors")
    common = {name: shared.standard_normal(value.shape) * 0.05 for name, value in base.items()}
    for number, (name, size) in enumerate(places.items()):
        own = np.random.default_rng(number)
        shutil.copytree(tiny_causal, folder / name)
        moved = {
            key: (value + size * (common[key] + 0.05 * own.standard_normal(value.shape))).astype(np.float32)
            for key, value in base.items()
        }
        moved = base if not size else moved
        save_file(moved, folder / name / "model.safetensors", metadata={"format": "pt"})
    rows = [{"id": str(i), "prompt": text[:20]} for i, text in enumerate(SENTENCES)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "text.txt").write_text("\n".join(SENTENCES * 6))
    return folder


def sweep_words(road: Path, output: Path, *more: object) -> list[str]:
    words = ["negate", road / "base", "--expert", road / "experts", "--prompts", road / "prompts.jsonl"]
    words += ["--text", road / "text.txt", "-s", f"hf:{road / 'scorer'}#toxic", "--num-samples", "3"]
    return [str(word) for word in (*words, "--picture", "none", "-o", output, *more)]


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def test_one_scale_writes_the_model_its_recipe_and_what_the_vectors_share(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    experts = [word for i in range(3) for word in ("--expert", models / f"m{i}")]
    done = detox("negate", models / "base", *experts, "--scale", "0.4", "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    for name, found in weights(tmp_path / "out").items():
        base = tensors(-1)[name].astype(np.float64)
        mean = np.mean([tensors(i)[name].astype(np.float64) - base for i in range(3)], axis=0)
        np.testing.assert_allclose(found, base - 0.4 * mean, atol=1e-7)
    assert len(result["vectors"]["cosines"]) == 3 and result["orders"]["largest"] < 1e-6
    shrink, predicted = result["vectors"]["shrink"], result["vectors"]["predicted"]
    assert abs(shrink - predicted) < 0.01
    manifest = json.loads((tmp_path / "out" / "detox.json").read_text())
    assert manifest["metrics"]["vectors"] == result["vectors"] and manifest["command"] == "negate"
    again = detox("merge", "--recipe", tmp_path / "out" / "recipe.yml", "-o", tmp_path / "again", "-q")
    assert again.code == 0, again.err
    for name, found in weights(tmp_path / "again").items():
        np.testing.assert_allclose(found, weights(tmp_path / "out")[name], atol=1e-7)
    idle = detox("negate", models / "base", *experts, "--scale", "0.4", "-o", tmp_path / "out", "--json")
    assert "finished already" in idle.err and json.loads(idle.out) == result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "models", "out"]


def test_what_has_no_part_in_a_run_is_said(detox: Detox, models: Path, tmp_path: Path) -> None:
    named = ("negate", models / "base", "--expert", models / "m0", "-o", tmp_path / "out")
    done = detox(*named, "--rule", "front", "--text", models / "none.txt", "--where", "toxicity > 1")
    assert done.code == 0
    assert "--text, --rule: nothing is measured at one scale" in done.err
    assert "--where: nothing is trained" in done.err
    refused = detox(*named, "--scale", "much")
    assert refused.code == 2 and "FROM:TO:STEP" in refused.err


def test_the_recipe_of_a_ties_negation_gives_the_same_model(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    experts = [word for i in range(3) for word in ("--expert", models / f"m{i}")]
    words = ("--method", "ties", "--density", ".4", "--scale", "0.6", "-o", tmp_path / "out", "-q")
    assert detox("negate", models / "base", *experts, *words).code == 0
    assert detox("merge", "--recipe", tmp_path / "out" / "recipe.yml", "-o", tmp_path / "again").code == 0
    for name, found in weights(tmp_path / "again").items():
        np.testing.assert_allclose(found, weights(tmp_path / "out")[name], atol=1e-7)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "--scale 0.6 --density 0.4 --method ties -o out" in " ".join(card.replace("\\\n", " ").split())


def test_a_sweep_chooses_and_writes_what_it_measured(detox: Detox, road: Path, tmp_path: Path) -> None:
    controls = ("--control", "random", "--control", road / "clean", "--scale", "0.1,0.2,0.4")
    words = sweep_words(road, tmp_path / "out", *controls, "--max-ppl-increase", "none", "--json")
    done = detox(*words)
    assert done.code == 0, done.err
    sweep = json.loads(done.out)["sweep"]
    assert [one["name"] for one in sweep["candidates"]] == ["0", "0.1", "0.2", "0.4", "random", "clean"]
    assert [one["name"] for one in sweep["candidates"] if one["chosen"]] == ["0.4"]
    for one in sweep["candidates"][1:]:
        assert (
            one["change"]["n"] == len(SENTENCES)
            and one["increase"]["n"] == sweep["candidates"][0]["perplexity"]["n"]
        )
    lines = (tmp_path / "out" / "sweep" / "sweep.csv").read_text().splitlines()
    assert len(lines) == 7 and "dist_2 mean" in lines[0]
    assert not (tmp_path / "out.sweep.journal").exists() and not (tmp_path / "out.journal").exists()
    # What was written measures as the candidate did that never was.
    also = ("--text", road / "text.txt", "--num-samples", "3", "-s", f"hf:{road / 'scorer'}#toxic")
    prompts = ("--prompts", road / "prompts.jsonl", "-o", tmp_path / "measured", "--json")
    measured = detox("eval", "generation", tmp_path / "out", *prompts, *also)
    assert measured.code == 0, measured.err
    found = json.loads(measured.out)
    chosen = sweep["candidates"][3]
    assert found["groups"][0]["figures"][sweep["figure"]]["mean"] == pytest.approx(chosen["toxicity"]["mean"])
    assert found["own"]["text_perplexity"]["mean"] == pytest.approx(chosen["perplexity"]["mean"], rel=1e-6)


def test_a_control_of_another_kind_is_found_before_anything_is_measured(
    detox: Detox, road: Path, tiny_gpt2: Path, tmp_path: Path
) -> None:
    words = sweep_words(road, tmp_path / "out", "--scale", "0.1,0.2", "--control", tiny_gpt2)
    refused = detox(*words)
    assert refused.code == 3 and "is of the architecture gpt2" in refused.err
    assert "measuring" not in refused.err
    assert not list(tmp_path.iterdir())


def test_no_candidate_within_the_budget_writes_nothing_and_forgets_nothing(
    detox: Detox, road: Path, tmp_path: Path
) -> None:
    words = sweep_words(road, tmp_path / "out", "--scale", "0.3,0.5")
    refused = detox(*words, "--max-ppl-increase", "0%")
    assert refused.code == 5 and "perplexity within 0% of" in refused.err and "No scale" in refused.out
    assert [path.name for path in tmp_path.iterdir()] == ["out.sweep.journal"]
    wider = detox(*words, "--max-ppl-increase", "1e9%", "--rule", "front", "--json")
    assert wider.code == 0 and "measuring" not in wider.err, wider.err
    assert json.loads(wider.out)["scale"] in (0.3, 0.5)


def test_a_killed_sweep_goes_on_and_ends_with_the_same_bytes(
    detox: Detox, road: Path, tmp_path: Path
) -> None:
    scales = ("--scale", "0.1:0.4:0.1", "--max-ppl-increase", "none")
    assert detox(*sweep_words(road, tmp_path / "whole", *scales)).code == 0
    words = sweep_words(road, tmp_path / "out", *scales)
    from detox_cli.services.negate.measuring import MeasuredBase

    child = os.fork()
    if not child:  # pragma: no cover
        measure, count = MeasuredBase.measure, iter(range(3))

        def killed(*parts: object) -> object:
            if next(count) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return measure(*parts)

        MeasuredBase.measure = killed  # type: ignore[method-assign]
        try:
            detox(*words)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    journal = tmp_path / "out.sweep.journal"
    assert journal.read_text().count('"key"') == 2 and not (tmp_path / "out").exists()
    went_on = detox(*words)
    assert went_on.code == 0 and "measuring the base" not in went_on.err, went_on.err
    for name in ("model.safetensors", "sweep/sweep.json", "sweep/sweep.csv", "config.json", "recipe.yml"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_candidates_are_taken_back_to_the_bit(road: Path) -> None:
    import torch

    from detox_cli.errors import BadData
    from detox_cli.models.applied import InMemory
    from detox_cli.models.checkpoint.folder import open_checkpoint
    from detox_cli.models.loading import load_causal
    from detox_cli.models.merging.methods import METHODS
    from detox_cli.models.merging.negation import Negation
    from detox_cli.models.merging.rounding import round_nearest
    from detox_cli.models.merging.settings import Values
    from detox_cli.models.merging.sources import StoredWeights
    from detox_cli.models.sources import find_model

    def bits(model: torch.nn.Module) -> dict[str, bytes]:
        return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}

    base, expert = (StoredWeights(open_checkpoint(road / name), name) for name in ("base", "experts/part-0"))
    model = load_causal(find_model(str(road / "base")), "cpu").model
    before = bits(model)
    values = Values(weights=(1.0,), normalize=True)
    jobs = {
        name: Negation(name, shape, METHODS["linear"], values, (expert,), base, 0.3)
        for name, shape in base.shapes.items()
    }
    memory = InMemory(model, base, threads=2)
    with memory.applied(jobs, base.types, round_nearest):
        moved = bits(model)
        for name in base.shapes:
            wanted = base.rows(name, 0, 1)[0] - np.float32(0.3) * (
                expert.rows(name, 0, 1)[0] - base.rows(name, 0, 1)[0]
            )
            found = dict(model.state_dict())[name].numpy().reshape(-1)[: wanted.size]
            np.testing.assert_allclose(found, wanted, atol=1e-7)
    assert bits(model) == before != moved
    with pytest.raises(RuntimeError, match="stop"), memory.applied(jobs, base.types, round_nearest):
        raise RuntimeError("stop")
    assert bits(model) == before
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1
    with pytest.raises(BadData, match="not in memory as it is stored"):
        InMemory(model, base, threads=1)


def test_auto_finds_the_border_of_the_budget(detox: Detox, road: Path, tmp_path: Path) -> None:
    done = detox(
        *sweep_words(road, tmp_path / "out", "--scale", "auto", "--max-ppl-increase", "2%", "--json")
    )
    assert done.code == 0, done.err
    sweep = json.loads(done.out)["sweep"]
    within = [one["scale"] for one in sweep["candidates"] if one["within"]]
    beyond = [one["scale"] for one in sweep["candidates"] if not one["within"]]
    assert max(within) < min(beyond) <= 1.13 * max(within)
    assert json.loads(done.out)["scale"] == max(within)


def test_an_adapter_is_an_expert(detox: Detox, road: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(road / "base")
    config = LoraConfig(
        r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    adapted = get_peft_model(model, config)
    adapted.save_pretrained(tmp_path / "adapter")
    whole = adapted.merge_and_unload().state_dict()
    words = ("--expert", tmp_path / "adapter", "--scale", "0.5", "-o", tmp_path / "out", "-q")
    assert detox("negate", road / "base", *words).code == 0
    for name, found in weights(tmp_path / "out").items():
        base = weights(road / "base")[name]
        np.testing.assert_allclose(found, base - 0.5 * (whole[name].numpy() - base), atol=1e-6)
        assert ("q_proj" in name or "down_proj" in name) == (found != base).any()


def test_small_steps_survive_bfloat16_where_rounding_is_by_chance(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    base = {name: bf16(value) for name, value in tensors(-1).items()}  # on the grid, as such a model is
    step = {name: 0.02 * (tensors(0)[name] - tensors(-1)[name]) for name in base}
    save_file(base, models / "base" / "model.safetensors")
    save_file({n: base[n] + 50 * step[n] for n in base}, models / "m0" / "model.safetensors")
    kept, same = {}, {}
    for kind in ("nearest", "stochastic"):
        words = ("--out-dtype", "bfloat16", "--rounding", kind, "-o", tmp_path / kind, "--json")
        done = detox("negate", models / "base", "--expert", models / "m0", "--scale", "0.02", *words)
        assert done.code == 0, done.err
        found = read_bf16(tmp_path / kind / "model.safetensors")
        moved = sum(float(((base[n] - found[n]) * np.sign(step[n])).sum(dtype=float)) for n in base)
        kept[kind] = moved / sum(float(np.abs(one).sum(dtype=float)) for one in step.values())
        vectors = json.loads(done.out)["vectors"]
        same[kind] = vectors["unchanged"]
        assert vectors["cancelled"] == 0 and vectors["rounded"] == pytest.approx(vectors["unchanged"])
    assert same["nearest"] > same["stochastic"] > 0.2
    assert kept["nearest"] < 0.85 and abs(kept["stochastic"] - 1) < 0.1


def bf16(numbers: np.ndarray) -> np.ndarray:
    """Rounded to the nearest bfloat16."""
    from detox_cli.models.checkpoint.numbers import decode, encode

    return decode(encode(np.array(numbers, np.float32), "BF16"), "BF16")


def read_bf16(path: Path) -> dict[str, np.ndarray]:
    from safetensors.torch import load_file as load_torch

    return {name: value.float().numpy() for name, value in load_torch(path).items()}
