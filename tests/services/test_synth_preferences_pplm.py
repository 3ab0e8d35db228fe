"""``synth preferences --method pplm``: the greedy continuation is preferred to one that a probe steers."""

from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import BadSettings
from detox_cli.models.probes.files import save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.runs.journal import Journal
from detox_cli.services.synth_preferences.run import run
from detox_cli.settings.synth_preferences import SynthPreferencesSettings
from tests.continuations import read
from tests.services.test_synth_preferences import ANY

ROLES = {**ANY, "min_margin": -1.0}


@pytest.fixture
def probe(tiny_causal, tmp_path) -> Path:
    from transformers import AutoConfig

    width = AutoConfig.from_pretrained(tiny_causal).hidden_size
    found = LinearProbe(np.random.default_rng(0).normal(size=width), site=ProbeSite(after_norm=True))
    return save_probe(tmp_path / "probe.safetensors", found)[0]


def settings(folder: Path, name: str, **changes: object) -> SynthPreferencesSettings:
    given = {"output": str(folder / name), "scorers": ["builtin:lexicon"], "device": "cpu"}
    given |= {"method": "pplm", "max_new_tokens": 4, "iterations": 2, **ROLES}
    return SynthPreferencesSettings(**{**given, **changes})


def test_pairs_of_a_steered_model_and_a_run_that_was_stopped(
    lx_prompts, tiny_causal, probe, tmp_path, monkeypatch
):
    given = {"model": str(tiny_causal), "prompts": str(lx_prompts), "probe": probe}
    whole = settings(tmp_path, "whole.jsonl", **given)
    result = run(whole)
    rows = read(Path(whole.output))
    assert result.pairs == len(rows) > 4 and result.model["method"] == "pplm"
    assert all((row["chosen_sample"], row["rejected_sample"]) == (0, 1) for row in rows)

    append, left = Journal.append, [3]

    def stops(own: Journal, record: dict) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        append(own, record)

    again = settings(tmp_path, "again.jsonl", **given)
    monkeypatch.setattr(Journal, "append", stops)
    with pytest.raises(KeyboardInterrupt):
        run(again)
    monkeypatch.setattr(Journal, "append", append)
    run(again)
    assert Path(again.output).read_bytes() == Path(whole.output).read_bytes()


def test_options_of_the_other_method_are_refused(lx_prompts, tiny_causal, probe, tmp_path):
    given = {"model": str(tiny_causal), "prompts": str(lx_prompts)}
    for changes, why in [
        ({}, "needs a probe"),
        ({"probe": probe, "top_p": 0.5}, "--top-p has no meaning with --method pplm"),
        ({"probe": probe, "engine": "vllm"}, "moves keys and values"),
        ({"probe": probe, "method": "sample"}, "--probe has no meaning with --method sample"),
    ]:
        with pytest.raises(BadSettings, match=why):
            run(settings(tmp_path, "pairs.jsonl", **{**given, **changes}))
    with pytest.raises(BadSettings, match="--method has no meaning for texts"):
        run(settings(tmp_path, "pairs.jsonl", from_file=str(lx_prompts), iterations=50, max_new_tokens=20))
