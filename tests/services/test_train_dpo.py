"""``train dpo``: preferences become a tuned model, on many families, whatever happens on the way."""

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer
from trl import DPOConfig, ModelConfig, ScriptArguments, TrlParser

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent, SilentTask
from detox_cli.services.train_dpo.building import build_trainer
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.run import run
from detox_cli.services.train_dpo.single import encode_sides
from detox_cli.services.train_dpo.trainer import PreferenceTrainer
from tests.models.architectures import tiny_model
from tests.preference_pairs import logits, losses, quick_tuning, write_preferences

FAMILIES = ("gpt2", "bloom", "llama", "gemma", "cohere", "qwen2")
LN_2 = math.log(2)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_preferences(tmp_path_factory.mktemp("preferences"))


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tiny_tokenizer, tmp_path_factory) -> Path:
    """A folder with a tiny random model of each family."""
    folder = tmp_path_factory.mktemp(request.param)
    specials = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    tiny_model(request.param, vocab_size=400, **specials).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_tokenizer).save_pretrained(folder)
    return folder


def test_every_family_starts_at_ln_2_and_learns(pairs, family, tmp_path):
    wanted = quick_tuning(pairs, tmp_path / "tuned", family)
    result = run(wanted)
    curve = losses(wanted.output)
    assert curve[0] == pytest.approx(LN_2, abs=1e-4), "before a step the model is its own reference"
    assert result.chosen_at["loss"] < 0.8 * LN_2 and result.chosen_at["rewards/accuracies"] == 1
    assert result.rows["trained on"] + result.rows["held out"] == 32
    assert not torch.equal(logits(wanted.output), logits(family))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tuned"], (
        "nothing unfinished is left beside it"
    )


def test_a_folded_adapter_is_model_and_adapter(pairs, family, tmp_path):
    wanted = quick_tuning(
        pairs, tmp_path / "tuned", family, lora="4,8", learning_rate=3e-2, keep_adapter=True
    )
    result = run(wanted)
    assert losses(wanted.output)[0] == pytest.approx(LN_2, abs=1e-4)
    assert result.folded is not None and result.folded.effect > 1e-3
    assert result.folded.difference < 1e-5 * max(1.0, result.folded.spread)
    assert result.parameters["trained"] < result.parameters["all"] / 2
    adapter = json.loads((wanted.output / "adapter" / "adapter_config.json").read_text())
    assert "lm_head" not in adapter["target_modules"] and adapter["r"] == 4
    assert not torch.equal(logits(wanted.output), logits(family))


@pytest.mark.parametrize("wanted", ["embed_tokens", "lm_head"])
def test_an_embedding_that_is_also_the_head_gets_no_adapter(pairs, tiny_tokenizer, tmp_path, wanted):
    folder = tmp_path / "gemma"
    tiny_model("gemma", vocab_size=400, pad_token_id=1, bos_token_id=0, eos_token_id=2).save_pretrained(
        folder
    )
    AutoTokenizer.from_pretrained(tiny_tokenizer).save_pretrained(folder)
    with pytest.raises(BadSettings, match="head"):
        run(quick_tuning(pairs, tmp_path / "tuned", folder, lora="4", target=("q_proj", wanted)))
    assert not list(tmp_path.glob("tuned*")), "the corrected command is another run"


def test_a_pattern_puts_the_adapter_on_the_mlps_of_chosen_layers_alone(pairs, tiny_causal, tmp_path):
    """What `probe vectors` says of layers can be acted on: nothing else moves."""
    pattern = r"re:.*layers\.1\.mlp\.(up|down)_proj"
    wanted = quick_tuning(pairs, tmp_path / "tuned", tiny_causal, epochs=1, lora="4", target=(pattern,))
    run(wanted)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_causal, wanted.output))
    moved = {name for name in before if not torch.equal(before[name].float(), after[name].float())}
    assert moved == {f"model.layers.1.mlp.{name}_proj.weight" for name in ("up", "down")}


def test_an_edited_policy_is_its_own_reference(pairs, tiny_causal, tmp_path):
    """What a model is in memory counts, not the folder that it was once read from."""
    for changes in ({}, {"precompute_ref": False}, {"lora": "4"}):
        wanted = quick_tuning(pairs, tmp_path / "tuned", tiny_causal, **changes)
        loaded = load_causal(find_model(str(tiny_causal)), "cpu", "float32")
        with torch.no_grad():
            loaded.model.model.layers[0].mlp.down_proj.weight.mul_(-5)
        sides = encode_sides(wanted, read_data(wanted, Silent()), loaded.tokenizer, 64)
        trainer = build_trainer(
            wanted,
            loaded,
            sides,
            tmp_path / "work" / str(len(changes)) / str(*changes),
            task=SilentTask(),
            progress=Silent(),
            on_log=lambda *_: None,
        )
        assert trainer.evaluate()["eval_loss"] == pytest.approx(LN_2, abs=1e-4)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(pairs, tiny_causal, tmp_path):
    wanted = quick_tuning(pairs, tmp_path / "tuned", tiny_causal, learning_rate=1e30, max_grad_norm=0)
    with pytest.raises(DetoxError, match="not a number") as caught:
        run(wanted)
    assert "--learning-rate" in str(caught.value.hint) and not wanted.output.exists()


def test_what_trl_refuses_is_a_matter_of_settings_and_what_a_row_breaks_is_not(
    pairs, tiny_causal, tmp_path, monkeypatch
):
    with pytest.raises(BadSettings, match="exo_pair"):
        run(quick_tuning(pairs, tmp_path / "refused", tiny_causal, loss=("exo_pair",)))

    def break_on_rows(*_: object) -> None:
        raise ValueError("a row cannot be computed")

    monkeypatch.setattr(PreferenceTrainer, "compute_ref_log_probs", break_on_rows)
    with pytest.raises(ValueError, match="cannot be computed") as caught:
        run(quick_tuning(pairs, tmp_path / "broken", tiny_causal))
    assert not isinstance(caught.value, BadSettings)


def test_the_finished_folder_says_what_made_it(pairs, tiny_causal, tmp_path):
    wanted = quick_tuning(pairs, tmp_path / "tuned", tiny_causal, epochs=1)
    run(wanted)
    manifest = json.loads((wanted.output / "detox.json").read_text())
    assert manifest["command"] == "train dpo" and manifest["models"]["start"]["fingerprint"]
    assert set(load_file(wanted.output / "model.safetensors")) == set(
        load_file(tiny_causal / "model.safetensors")
    )
    card = (wanted.output / "README.md").read_text()
    assert "text-generation" in card and "held-out prompts also trained on: 0" in card
    before = (wanted.output / "model.safetensors").stat().st_mtime_ns
    assert run(wanted).steps > 0
    assert (wanted.output / "model.safetensors").stat().st_mtime_ns == before, (
        "a finished run is not repeated"
    )
    with pytest.raises(BadSettings, match="another run"):
        run(wanted.model_copy(update={"beta": 0.5}))


def test_the_plan_counts_and_shows_no_word(detox, pairs, tiny_causal, tmp_path):
    words = ("train", "dpo", tiny_causal, "--data", pairs, "-o", tmp_path / "out", "--dry-run", "--json")
    plan = json.loads(detox(*words, "--char-filter", 67, "--lora", "4,8,0").out)
    assert plan["rows"]["longer than --char-filter"] > 0 and plan["memory"]["weights"] > 0
    assert sum(plan["tokens"]["prompt"].values()) == plan["rows"]["trained on"]
    assert len(plan["shown"]) == 3 and "silly" not in json.dumps(plan["shown"])
    assert (
        plan["parameters"]["trained"] == 4 * 2 * (2 * 64 + 2 * 48 + 3 * 96)
        and not (tmp_path / "out").exists()
    )


class Tells:
    """In the place of py3langid: the start writes what it was asked to, all later models something else."""

    def __init__(self, candidates: set[str]) -> None:
        self.asked = 0
        assert "en" in candidates

    def languages(self, texts: list[str]) -> list[str]:
        self.asked += 1
        return ["en" if self.asked <= 12 else "und"] * len(texts)


@pytest.fixture
def bounded(monkeypatch, pairs, tiny_causal, tmp_path):
    """Twelve prompts, six of which choose the step."""
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"text": f"Here is page {number}", "lang": "en"} for number in range(12)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr("detox_cli.services.train_dpo.measuring.LanguageIdentifier", Tells)
    monkeypatch.setattr("detox_cli.services.train_dpo.run.need_identifier", lambda: None)
    given = {"prompts": str(prompts), "prompt_rows": 6, "samples": 2, "toxicity": "builtin:lexicon"}

    def tuning(output="tuned", select="toxicity", **more):
        return quick_tuning(pairs, tmp_path / output, tiny_causal, select=select, **{**given, **more})

    return tuning


@pytest.mark.parametrize(
    ("budget", "measured", "outside"),
    [
        ({"max_kl": 1e-6}, "kl", lambda found: found > 1e-6),
        ({"max_ppl_increase": 1e-6, "learning_rate": 0.1}, "perplexity_rise", lambda found: found > 1e-6),
        ({"max_language_loss": 0.5}, "in_language", lambda found: found < 0.5),
    ],
)
def test_prompts_bound_the_training(bounded, budget, measured, outside):
    """Toxicity, perplexity, distance and language are measured, and a budget is a quality limit."""
    result = run(bounded(**budget))
    assert result.steps < 14 and not result.within_budget, "it stops at the first measurement"
    assert outside(result.chosen_at[measured]) and result.problem() is not None
    assert result.before["perplexity"].n and result.after["expected_maximum"].n == 6
    assert "which chose nothing" in result.measured_on


def test_training_ends_where_the_target_is_reached(bounded, tmp_path, monkeypatch):
    result = run(bounded(target_toxicity=0.99, max_kl=100))
    assert result.steps < 14 and result.within_budget and result.kept_step == result.steps
    with pytest.raises(BadSettings, match="--target-toxicity: the step is not chosen by its toxicity"):
        run(bounded("other", "loss", target_toxicity=0.5))
    silent = tmp_path / "silent.txt"
    silent.write_text("Here is a page\n")
    with pytest.raises(BadSettings, match="none of the prompts says its language"):
        run(bounded("other", prompts=str(silent), max_language_loss=0.1))
    monkeypatch.setattr(Tells, "languages", lambda self, texts: [None] * len(texts))
    with pytest.raises(BadData, match="no continuation is long enough to tell its language"):
        run(bounded("other", max_language_loss=0.1))


def test_an_adapter_on_four_bits_is_folded_into_the_whole_model(pairs, tmp_path):
    """What is measured after checkpoints were saved is still the quantized model."""
    pytest.importorskip("bitsandbytes")
    wanted = quick_tuning(
        pairs, tmp_path / "tuned", Path("builtin:lm"), qlora="nf4", lora="4", learning_rate=1e-5
    )
    result = run(wanted)
    assert losses(wanted.output, "eval_loss") == pytest.approx([LN_2] * 4, abs=0.02), (
        "nearly nothing is learnt"
    )
    assert result.folded is not None and result.folded.difference <= result.folded.limit


def test_the_same_training_in_the_words_of_trl(pairs, tiny_causal, tmp_path, recorder):
    wanted = quick_tuning(
        pairs, tmp_path / "tuned", tiny_causal, lora="4,8", export_trl_args=tmp_path / "trl"
    )
    result = run(wanted, recorder)
    given = yaml.safe_load((tmp_path / "trl" / "dpo.yaml").read_text())
    parser = TrlParser((ScriptArguments, DPOConfig, ModelConfig))
    script, config, model = parser.parse_args_and_config(["--config", str(tmp_path / "trl" / "dpo.yaml")])
    assert config.beta == 0.1 and config.learning_rate == 3e-3 and config.loss_type == ["sigmoid"]
    assert model.lora_r == 4 and model.lora_alpha == 8 and script.dataset_name == given["dataset_name"]
    rows = [json.loads(line) for line in (tmp_path / "trl" / "train.jsonl").read_text().splitlines()]
    assert set(rows[0]) == {"id", "prompt", "chosen", "rejected"} and len(rows) > 20
    assert "--patience" in result.not_there and any("--patience" in text for text in recorder.warnings)
    assert not wanted.output.exists(), "nothing was trained"
