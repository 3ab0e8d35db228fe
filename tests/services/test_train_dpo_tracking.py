"""``train dpo --track-neurons``: neurons near a probe are followed, and the tuning is what it was."""

from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.neurons.listing import NeuronList, write_neurons
from detox_cli.models.probes.files import save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.services.train_dpo.run import run
from tests.preference_pairs import quick_tuning, read_log, write_preferences
from tests.recorder import Recorder

LANGUAGES = ("neurons/de", "neurons/en")


def save_random(folder: Path, width: int) -> Path:
    found = LinearProbe(np.random.default_rng(0).normal(size=width), site=ProbeSite(after_norm=True))
    return save_probe(folder / "probe.safetensors", found)[0]


def test_neurons_are_followed_by_language_and_change_nothing(lx_prompts, tiny_causal, tmp_path):
    pairs = write_preferences(tmp_path)
    given = {"prompts": str(lx_prompts), "samples": 2, "toxicity": "builtin:lexicon", "epochs": 1}
    probe = save_random(tmp_path, AutoConfig.from_pretrained(tiny_causal).hidden_size)
    plain = quick_tuning(pairs, tmp_path / "plain", tiny_causal, **given)
    followed = quick_tuning(pairs, tmp_path / "followed", tiny_causal, track_neurons=probe, **given)
    run(plain)
    result = run(followed)
    weights = [(one.output / "model.safetensors").read_bytes() for one in (plain, followed)]
    assert weights[0] == weights[1]
    logged = [one for one in read_log(followed.output) if "eval_loss" in one]
    for one in logged:
        mean = np.mean([one[f"eval_{name}"] for name in LANGUAGES])
        assert one["eval_neurons"] == pytest.approx(mean), "as many prompts of each language"
    assert result.before["neurons"].mean > 0, "those count that write towards the probe"
    assert result.after["neurons"] != result.before["neurons"] and result.after["neurons"].n == 8
    assert {name for name in result.after if name.startswith("neurons/")} == set(LANGUAGES)
    assert result.chosen_at["neurons"] in [one["eval_neurons"] for one in logged]
    card = (followed.output / "README.md").read_text()
    assert (
        "neurons/de (mean coefficient of their value vectors), before" in card and "perplexity, after" in card
    )


def test_a_list_of_neurons_is_followed_on_an_adapter(lx_prompts, tiny_causal, tmp_path):
    listed = NeuronList(((0, 3), (1, 5)), model="of another", name="org/base")
    write_neurons(tmp_path / "neurons.json", listed)
    given = {"prompts": str(lx_prompts), "samples": 1, "toxicity": "builtin:lexicon", "epochs": 1}
    wanted = quick_tuning(
        write_preferences(tmp_path),
        tmp_path / "tuned",
        tiny_causal,
        lora="4",
        seeds=(0, 1),
        track_neurons=tmp_path / "neurons.json",
        **given,
    )
    recorder = Recorder()
    result = run(wanted, recorder)
    told = f"the neurons were found in org/base, whose weights are not those of {tiny_causal}"
    assert told in recorder.warnings and result.seeds[0].result.notes == [told]
    assert result.tables()[0].rows == [[told]]
    before, after = result.before_over_seeds["neurons"], result.after_over_seeds["neurons"]
    assert before.deviation == 0 and after.deviation > 0 and after.mean != before.mean
    title, columns = result.tables()[1].title, result.tables()[1].columns
    assert title == "continuations after tuning" and columns[1:3] == ["before", "mean of seeds"]
    assert (
        "neurons (mean coefficient of their value vectors), after"
        in (wanted.output / "README.md").read_text()
    )


def test_what_cannot_be_followed_is_told_before_training(lx_prompts, tiny_causal, tmp_path):
    pairs, probe = write_preferences(tmp_path), save_random(tmp_path, 7)
    with pytest.raises(BadSettings, match="prompts have to be continued"):
        run(quick_tuning(pairs, tmp_path / "tuned", tiny_causal, track_neurons=probe))
    given = {"prompts": str(lx_prompts), "toxicity": "builtin:lexicon", "samples": 1}
    with pytest.raises(BadData, match="width 7"):
        run(quick_tuning(pairs, tmp_path / "tuned", tiny_causal, track_neurons=probe, **given))
    with pytest.raises(BadData, match="neither a probe nor"):
        run(quick_tuning(pairs, tmp_path / "tuned", tiny_causal, track_neurons=tmp_path / "none", **given))
    assert not list(tmp_path.glob("tuned*"))
