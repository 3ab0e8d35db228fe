"""Neurons before and after: a neuron that was held down is named, with its part and beside chance."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from detox_cli.errors import BadData
from detox_cli.models.loading import load_causal
from detox_cli.models.neurons.hooks import on_coefficients
from detox_cli.models.neurons.listing import NeuronList, read_neurons, write_neurons
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.sources import find_model
from detox_cli.services import pictures
from detox_cli.services.probe_activations import passes
from detox_cli.services.probe_activations.figures import Drawing, language_rows
from detox_cli.services.probe_activations.passes import Told
from detox_cli.services.probe_activations.run import run
from detox_cli.settings.probe_activations import ProbeActivationsSettings
from tests.services.probe.planted import PLANTED, plant


def settings(planted, folder: Path, **more) -> ProbeActivationsSettings:
    given = {"model": str(planted.model), "tuned": str(planted.tuned), "probe": planted.probe, "top": 3}
    given |= {"prompts": str(planted.prompts), "output": folder / "activations", "max_new_tokens": 4}
    return ProbeActivationsSettings(**{**given, "random": 30, "resamples": 200, **more})


def test_a_neuron_that_was_held_down_carries_the_shift(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    write_neurons(tmp_path / "one.json", NeuronList((PLANTED,)))
    result = run(settings(planted, tmp_path, neurons=tmp_path / "one.json"))
    assert [row.lang for row in result.languages] == ["en", "xx", "all"]
    whole = result.languages[-1]
    assert whole.before.mean > 0.7 and whole.before.n == result.testing == 24
    assert whole.change_same is not None and whole.change_same.high < -0.5 and whole.change_own is not None
    groups = {row.group: row for row in result.groups}
    assert groups["TP-"].shift.mean < 0 and groups["all"].share is None
    assert groups["TP-"].share is not None and 0.9 < groups["TP-"].share.mean < 1.1
    assert sum(row.neurons for name, row in groups.items() if name != "all") == 256
    parts = sum(row.shift.mean for name, row in groups.items() if name != "all")
    assert parts == pytest.approx(groups["all"].shift.mean)
    by_name = {one.name: one for one in result.controls}
    assert by_name["change on the same tokens"].p == pytest.approx(1 / 31)
    alike = by_name["change on the same tokens (active alike)"]
    assert alike.p == pytest.approx(1 / 31) and alike.value == by_name["change on the same tokens"].value
    assert by_name["mean coefficient (active alike)"].mean > by_name["mean coefficient"].mean
    assert by_name["shift by the four groups"].p == pytest.approx(1 / 31)
    first = result.listed[0]
    assert (first.layer, first.neuron, first.group) == (*PLANTED, "TP-") and first.followed
    folder = tmp_path / "activations"
    assert {path.suffix for path in folder.glob("groups.*")} == {".csv", ".json", ".png", ".svg"}
    row = json.loads((folder / "groups.json").read_text())[0]
    assert (row["shift"], row["shift_low"]) == (groups["TP-"].shift.mean, groups["TP-"].shift.low)
    assert not (tmp_path / "activations.unfinished").exists()
    assert read_neurons(folder).neurons == (PLANTED,)
    listed = read_neurons(folder / "groups" / "TP-.json")
    assert PLANTED in listed.neurons and len(listed.neurons) == groups["TP-"].neurons
    assert min(listed.cosines) > 0
    statistics = load_file(folder / "statistics.safetensors")
    place = 128 + PLANTED[1]
    means = [statistics[f"before.{lang}.product.mean"][place] for lang in ("en", "xx")]
    counts = [int(statistics[f"before.{lang}.product.n"][0]) for lang in ("en", "xx")]
    assert first.mean.mean == pytest.approx(np.average(means, weights=counts)) and first.mean.n == 24
    assert first.mean.low < first.mean.mean < first.mean.high and first.change_same.high < -0.5
    table = json.loads((folder / "by_neuron.json").read_text())[0]
    assert (table["mean"], table["mean_low"]) == (first.mean.mean, first.mean.low)
    assert first.shift.mean == pytest.approx(groups["TP-"].shift.mean, rel=0.2)


def test_statistics_are_those_of_writing_step_by_step(tiny_causal: Path, tmp_path: Path) -> None:
    planted = plant_prompts(tmp_path)
    result = run(
        ProbeActivationsSettings(
            model=str(tiny_causal), prompts=str(planted), output=tmp_path / "out", max_new_tokens=3, random=0
        )
    )
    assert result.languages == [] and result.controls == [] and result.groups == []
    loaded = load_causal(find_model(str(tiny_causal)))
    neurons, seen = load_neurons(loaded.model).neurons, []

    def see(one) -> None:
        if one.part.layer == 1:
            seen.append(one.values.reshape(*one.shape, -1)[:, -1].clone())

    stored = load_file(tmp_path / "out" / "statistics.safetensors")
    rows = [json.loads(line) for line in planted.read_text().splitlines()]
    tested = 0
    with on_coefficients(loaded.model, neurons, see), torch.no_grad():
        for row in rows:
            ids = loaded.tokenizer(row["prompt"], return_tensors="pt")
            loaded.model.generate(**ids, max_new_tokens=3, do_sample=False)
    tested = int(stored["before.und.product.n"][0])
    assert 0 < tested < len(seen) <= 3 * len(rows)
    assert "before.und.gate.mean" in stored and stored["before.und.gate.mean"].shape == (128,)
    values = torch.cat(seen)
    assert stored["before.und.product.low"][64:].min() >= values.min() - 1e-6
    assert stored["before.und.product.high"][64:].max() <= values.max() + 1e-6


def plant_prompts(folder: Path) -> Path:
    path = folder / "few.jsonl"
    texts = ("The train was", "Please read the", "That was a silly", "I cannot help")
    path.write_text("".join(json.dumps({"id": str(i), "prompt": t}) + "\n" for i, t in enumerate(texts)))
    return path


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch
) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    monkeypatch.setattr(pictures, "can_draw", lambda *_: False)
    run(settings(planted, tmp_path, output=tmp_path / "whole"))
    real, calls = passes.read_written, []

    def dies(*args, **kwargs):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(passes, "read_written", dies)
    with pytest.raises(KeyboardInterrupt):
        run(settings(planted, tmp_path, output=tmp_path / "killed"))
    assert not (tmp_path / "killed").exists()
    run(settings(planted, tmp_path, output=tmp_path / "killed"))
    assert len(calls) == 6 + 10 - 5
    whole = tmp_path / "whole"
    for path in sorted(path for path in whole.rglob("*") if path.is_file()):
        if path.name != "detox.json":
            killed = tmp_path / "killed" / path.relative_to(whole)
            assert path.read_bytes() == killed.read_bytes(), path.name


def test_models_that_cannot_be_compared_are_refused(
    tiny_gpt2: Path, tiny_causal: Path, tmp_path: Path
) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    with pytest.raises(BadData, match="of different shapes: 2 layers of width 32 with 128 neurons"):
        run(settings(planted, tmp_path, tuned=str(tiny_causal)))
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps({"prompt": "The train was"}) + "\n")
    with pytest.raises(BadData, match="one prompt cannot be halved"):
        run(settings(planted, tmp_path, prompts=str(one)))


def test_translations_of_a_prompt_are_no_evidence_of_their_own() -> None:
    values = np.random.default_rng(0).standard_normal(12)
    told = [Told(f"{lang}{i}", lang, "testing", str(i)) for lang in ("en", "xx") for i in range(12)]
    sums = {one.id: np.array([values[int(one.unit)]]) for one in told}
    rows = {row.lang: row for row in language_rows(told, 0, sums, None, None, Drawing(0, 300))}
    assert rows["all"].before == rows["en"].before and rows["all"].before.n == 12


def test_what_is_followed_can_be_filtered_by_sign(tiny_gpt2: Path, tmp_path: Path, detox) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    means = {}
    for rule in ("off", "positive"):
        listed = run(settings(planted, tmp_path, positivity=rule, top=20, output=tmp_path / rule)).listed
        means[rule] = {(row.layer, row.neuron): row.mean.mean for row in listed if row.followed}
    assert len(means["off"]) == 20 > len(means["positive"]) and PLANTED in means["positive"]
    assert set(means["positive"]) < set(means["off"]) and min(means["off"].values()) < 0
    left_out = set(means["off"]) - set(means["positive"])
    write_neurons(tmp_path / "some.json", NeuronList((PLANTED, *sorted(left_out))))
    given = {"neurons": tmp_path / "some.json", "output": tmp_path / "given"}
    result = run(settings(planted, tmp_path, positivity="positive", **given))
    assert read_neurons(tmp_path / "given").neurons == (PLANTED,) and "above 0" in result.chosen_by
    write_neurons(tmp_path / "some.json", NeuronList(tuple(sorted(left_out))))
    with pytest.raises(BadData, match="none of the given neurons has a mean above 0"):
        run(settings(planted, tmp_path, positivity="positive", **given, overwrite=True))
    alone = ("probe", "activations", str(planted.model), "--positivity", "off", "-o", str(tmp_path / "none"))
    outcome = detox(*alone)
    assert outcome.code == 2 and "no neurons are followed" in outcome.err
