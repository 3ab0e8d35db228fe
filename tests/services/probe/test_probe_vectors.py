"""Value vectors beside a probe: what is planted is found, said and kept; what does not fit is refused."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from detox_cli.errors import BadData
from detox_cli.models.neurons.listing import read_neurons
from detox_cli.models.probes.files import probe_file, save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.services.probe_vectors.run import run
from detox_cli.settings.probe_vectors import ProbeVectorsSettings
from tests.recorder import Recorder
from tests.services.probe.planted import PLANTED, plant


def settings(planted, folder: Path, **more) -> ProbeVectorsSettings:
    given = {"model": str(planted.model), "probe": planted.probe, "prompts": str(planted.prompts), "top": 5}
    return ProbeVectorsSettings(**{**given, "output": folder / "vectors", "max_new_tokens": 4, **more})


def test_a_planted_value_vector_is_found_described_and_kept(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    result = run(settings(planted, tmp_path))
    first = result.vectors[0]
    assert (first.side, first.layer, first.neuron) == ("toward", *PLANTED)
    assert first.cosine == pytest.approx(1) and first.z > 4 and first.chance < 0.02 and first.promotes == 1
    assert first.activation.low < first.activation.mean < first.activation.high
    assert first.activation.n == 48
    assert first.gate is None and len(first.raised) == len(first.lowered) == 10
    assert sum(row.side == "away" for row in result.vectors) == 5 and result.prompts == 48
    assert result.layers[1].toward >= 1 and result.layers[1].high == pytest.approx(1)
    folder = tmp_path / "vectors"
    kept = read_neurons(folder)
    assert kept.neurons[0] == PLANTED and kept.sizes == (128, 128)
    assert all(row.promotes == 1 for row in result.vectors if (row.layer, row.neuron) in kept.neurons)
    table = json.loads((folder / "vectors.json").read_text())
    assert table[0]["cosine"] == first.cosine and (folder / "vectors.svg").exists()
    inputs = json.loads((folder / "detox.json").read_text())["inputs"]
    assert {str(planted.prompts), str(probe_file(planted.probe))} == {*inputs}
    assert all(len(record["sha256"]) == 64 for record in inputs.values())
    recorder = Recorder()
    again = run(settings(planted, tmp_path), recorder)
    assert again == result and any("finished already" in line for line in recorder.warnings)


def test_a_killed_run_writes_nothing_twice_and_ends_in_the_same_bytes(
    tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detox_cli.services import pictures
    from detox_cli.services.probe import prompts
    from detox_cli.services.probe_vectors import run as vectors_run

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    planted = plant(tiny_gpt2, tmp_path)
    monkeypatch.setattr(pictures, "can_draw", lambda *_: False)
    run(settings(planted, tmp_path, output=tmp_path / "whole"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(vectors_run, "read_written", dies)
        run(settings(planted, tmp_path))
    assert not (tmp_path / "vectors").exists()
    monkeypatch.setattr(prompts, "written_greedily", dies)
    run(settings(planted, tmp_path))
    for path in (tmp_path / "whole").iterdir():
        if path.name != "detox.json":
            assert path.read_bytes() == (tmp_path / "vectors" / path.name).read_bytes(), path.name
    assert not (tmp_path / "vectors.unfinished").exists()


def test_given_neurons_are_described_in_place_of_the_nearest(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    listed = tmp_path / "actual_sources_of_toxicity.pkl"
    listed.write_bytes(pickle.dumps([(0, 3), PLANTED]))
    result = run(settings(planted, tmp_path, neurons=listed, activations=False))
    assert [(row.side, row.layer, row.neuron) for row in result.vectors] == [
        ("given", 0, 3),
        ("given", *PLANTED),
    ]
    assert result.vectors[1].activation is None and result.prompts == 0
    listed.write_bytes(pickle.dumps([(10, 77)]))
    with pytest.raises(BadData, match=r"sources_of_toxicity\.pkl: the model has layers 0 to 1, not 10"):
        run(settings(planted, tmp_path, neurons=listed, activations=False, output=tmp_path / "other"))


def test_tokens_are_tagged_by_the_language_of_the_sentences_that_they_occur_in(
    tiny_gpt2: Path, tmp_path: Path
) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    random = np.random.default_rng(0)
    spoken = {"en": ("train", "page", "time", "weather"), "xx": ("polite", "answer", "second", "meaning")}
    rows = [
        {lang: " ".join([*random.choice(words, 5), "today"]) for lang, words in spoken.items()}
        for _ in range(120)
    ]
    parallel = tmp_path / "parallel.jsonl"
    parallel.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(settings(planted, tmp_path, parallel=(str(parallel),), activations=False, words=4096))
    tokens = json.loads((tmp_path / "vectors" / "tokens.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)

    def pieces(*words: str) -> set[int]:
        return {
            token
            for word in words
            for token in tokenizer(f"{word} {word}", add_special_tokens=False).input_ids
        }

    tags = {row["token"]: row["lang"] for row in tokens if row["seen"]}
    en, xx, both = pieces(*spoken["en"]), pieces(*spoken["xx"]), pieces("today")
    assert {tags[token] for token in en - xx - both} == {"en"}
    assert {tags[token] for token in xx - en - both} == {"xx"}
    assert {tags[token] for token in both - en - xx} == {"several"}
    assert {row["lang"] for row in tokens if row["seen"] == 0} == {None}
    assert all(one.right.low > 0.8 and one.right.n == one.tagged.n > 10 for one in result.tags)
    assert {row["way"] for row in tokens} == {"raised", "lowered"}
    sides = {one.side: one for one in result.spreads}
    assert {*sides} == {"toward", "away", "by chance"} and sides["by chance"].scripts.n == 100
    assert all(0 < one.languages.mean <= 1 for one in sides.values())
    assert {path.suffix for path in (tmp_path / "vectors").glob("languages.*")} == {
        *(".csv", ".json", ".png", ".svg")
    }
    parallel.write_text(json.dumps(rows[0]) + "\n")
    with pytest.raises(BadData, match="has too few sentences in en"):
        run(settings(planted, tmp_path, parallel=(str(parallel),), activations=False, overwrite=True))


def test_neurons_of_other_weights_are_told(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    run(settings(planted, tmp_path, activations=False))
    told = "the neurons were found in"
    for model, expected in ((planted.model, False), (planted.tuned, True)):
        recorder, place = Recorder(), tmp_path / f"{model.name}-again"
        given = {"neurons": tmp_path / "vectors", "activations": False, "output": place}
        result = run(settings(planted, tmp_path, model=str(model), **given), recorder)
        assert result.notes == json.loads((place / "summary.json").read_text())["notes"] == recorder.warnings
        assert (result.tables()[0].title == "Read this first") is bool(result.notes)
        found = [line for line in recorder.warnings if told in line]
        assert bool(found) is expected
        assert all(line.endswith(f"weights are not those of {model}") for line in found)


def test_a_probe_of_other_weights_is_told(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    site = ProbeSite(model="org/base", fingerprint="another", layers=2, layer=1)
    save_probe(planted.probe, LinearProbe(np.arange(32.0), site=site))
    recorder = Recorder()
    run(settings(planted, tmp_path, activations=False), recorder)
    assert any("trained on org/base, whose weights are not those of" in line for line in recorder.warnings)


def test_a_probe_of_another_model_is_refused(tiny_gpt2: Path, tmp_path: Path, detox) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    for name, probe, said in (
        ("wide", LinearProbe(np.ones(64)), "the probe is of width 64, the model has width 32"),
        (
            "deep",
            LinearProbe(np.ones(32), site=ProbeSite(layers=12, layer=3)),
            "with 12 layers, this one has 2",
        ),
    ):
        save_probe(tmp_path / f"{name}.safetensors", probe)
        outcome = detox(
            "probe",
            "vectors",
            planted.model,
            "--probe",
            tmp_path / f"{name}.safetensors",
            "-o",
            tmp_path / name,
        )
        assert outcome.code == 3 and said in " ".join(outcome.err.split())
        assert not (tmp_path / name).exists()
