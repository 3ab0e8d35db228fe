"""Interventions on a tiny model: doses beside chance, what is refused, and the model that is written."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.loading import load_causal
from detox_cli.models.neurons.listing import NeuronList, write_neurons
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.probes.files import save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.models.sources import find_model
from detox_cli.services.measured_model import MeasuredModel
from detox_cli.services.probe_intervene.matched import matched_neurons, usual_coefficients
from detox_cli.services.probe_intervene.ops import change_of, strengthens
from detox_cli.services.probe_intervene.result import AUDIT, ProbeInterveneResult
from detox_cli.services.probe_intervene.run import run
from detox_cli.services.probe_intervene.target import neurons_named
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.probe_intervene import ProbeInterveneSettings
from tests.conftest import SENTENCES
from tests.recorder import Recorder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "prompts.jsonl").write_text(
        "".join(json.dumps({"text": text[:20]}) + "\n" for text in SENTENCES[:4])
    )
    (tmp_path / "text.txt").write_text(" ".join(SENTENCES * 3))
    return tmp_path


def _run(
    model: Path, scorer: str, place: Path, recorder: Recorder | None = None, **more: Any
) -> ProbeInterveneResult:
    given = {"model": str(model), "neurons": "0:3,1:7", "output": place / "out", "text": place / "text.txt"}
    settings = ProbeInterveneSettings(**{**given, "device": "cpu", "controls": 1, **more})
    measure = EvalGenerationSettings(
        model=str(model),
        prompts=str(place / "prompts.jsonl"),
        output=settings.output,
        scorers=[scorer],
        num_samples=2,
        max_new_tokens=4,
        device="cpu",
        language_id=settings.language_id,
        resamples=50,
        window=64,
        cache=False,
    )
    return run(settings, measure, recorder or Recorder())


def test_doses_stand_beside_chance_and_the_same_command_does_nothing(
    tiny_causal: Path, toxic_scorer: str, place: Path
) -> None:
    recorder = Recorder()
    result = _run(tiny_causal, toxic_scorer, place, recorder, op="offset", dose="-1,-40", positions="last")
    assert [(one.dose, one.random) for one in result.steps] == [
        (None, None), (-1.0, None), (-40.0, None), (-1.0, 1), (-40.0, 1)
    ]  # fmt: skip
    base, small, large = (one.measured.perplexity.mean for one in result.steps[:3])
    assert abs(large - base) > abs(small - base) > 0 and not result.audit
    table = json.loads((place / "out" / "doses.json").read_text())
    told = [row["mean"] for row in table if row["figure"] == result.figure and row["random"] is None]
    assert told == [one.measured.toxicity.mean for one in result.steps if one.random is None]
    assert (place / "out" / "doses.svg").exists() and not (place / "out.journal").exists()
    manifest = json.loads((place / "out" / "detox.json").read_text())
    assert list(manifest["inputs"]) == [str(place / "text.txt")] and manifest["scorers"] == result.scorers
    again = _run(tiny_causal, toxic_scorer, place, recorder, op="offset", dose="-1,-40", positions="last")
    assert again == result and any("finished already" in line for line in recorder.warnings)
    assert result.by_chance == []  # of one set nothing is said


class Tells:
    """In the place of py3langid: every other continuation is in English."""

    identity = "stand-in"

    def __init__(self, candidates: set[str]) -> None:
        assert "en" in candidates

    def languages(self, texts: list[str]) -> list[str]:
        return ["en" if number % 2 else "de" for number, _ in enumerate(texts)]


def test_every_dose_tells_whether_continuations_stay_in_their_language(
    tiny_causal: Path, toxic_scorer: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LanguageIdentifier", Tells), ("need_identifier", lambda: None)):
        monkeypatch.setattr(f"detox_cli.services.eval_generation.tools.{name}", value)
    rows = [{"text": text[:20], "lang": "en"} for text in SENTENCES[:4]]
    (place / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = _run(tiny_causal, toxic_scorer, place, language_id=True, controls=0)
    assert [one.measured.figures["in_language"].mean for one in result.steps] == [0.5, 0.5]
    told = [row["figure"] for row in json.loads((place / "out" / "doses.json").read_text())]
    assert told.count("in_language") == 2


def test_random_sets_are_told_together_with_intervals_over_them(
    tiny_causal: Path, toxic_scorer: str, place: Path
) -> None:
    result = _run(tiny_causal, toxic_scorer, place, op="zero", controls=3)
    (told,) = result.by_chance
    own, *sets = [one.measured for one in result.steps[1:]]
    assert told.dose == 1 and told.change.n == len(sets) == 3
    assert told.change.mean == pytest.approx(np.mean([one.change.mean for one in sets]))
    assert told.increase.mean == pytest.approx(np.mean([one.increase.mean for one in sets]))
    assert told.p == (1 + sum(abs(one.change.mean) >= abs(own.change.mean) for one in sets)) / 4
    assert min(one.increase.mean for one in sets) <= told.increase.low <= told.increase.mean
    assert {path.suffix for path in (place / "out").glob("by_chance.*")} == {".csv", ".json", ".png", ".svg"}
    assert [table.title for table in result.tables()][1] == "Beside chance"


def test_a_direction_of_a_probe_is_steered_and_one_of_another_width_refused(
    tiny_causal: Path, toxic_scorer: str, place: Path
) -> None:
    site = ProbeSite(layers=2, layer=1, after_norm=True)
    save_probe(place / "probe.safetensors", LinearProbe(np.random.default_rng(0).normal(size=32), 0.0, site))
    given = {"neurons": None, "probe": place / "probe.safetensors", "op": "project-out"}
    result = _run(tiny_causal, toxic_scorer, place, **given)
    assert result.what.endswith("after layer 1") and result.steps[1].dose == 1.0
    assert result.stream is not None and result.stream[0] > result.stream[1] > 0
    assert result.steps[1].measured.perplexity.mean != result.steps[0].measured.perplexity.mean
    save_probe(place / "probe.safetensors", LinearProbe(np.ones(8), 0.0, site))
    with pytest.raises(BadData, match="the probe is of width 8, the model has width 32"):
        _run(tiny_causal, toxic_scorer, place, **given, overwrite=True)
    with pytest.raises(BadData, match="layer 0 has 64 neurons, none is number 64"):
        _run(tiny_causal, toxic_scorer, place, neurons="0:64", op="zero", output=place / "new")
    with pytest.raises(BadSettings, match="has no bias that could hold a constant"):
        _run(
            tiny_causal, toxic_scorer, place, op="add", dose="-1", output=place / "new", bake=place / "baked"
        )
    assert not [path for path in place.iterdir() if path.name.startswith("new.j")]


def test_a_baked_model_measures_as_it_was_measured(tiny_causal: Path, toxic_scorer: str, place: Path) -> None:
    given = {"op": "scale", "dose": "-1", "controls": 0}
    result = _run(tiny_causal, toxic_scorer, place, **given, bake=place / "baked")
    assert result.baked is not None and result.baked.gap < 1e-4
    assert sum(result.baked.tensors.values()) == 2
    card = (place / "baked" / "README.md").read_text()
    assert "2 neurons changed by scale -1" in card and "perplexity, this model" in card
    alone = _run(place / "baked", toxic_scorer, place, output=place / "again", op="zero", controls=0)
    one, other = result.steps[1].measured, alone.steps[0].measured
    assert other.perplexity.mean == pytest.approx(one.perplexity.mean, rel=1e-5)
    assert other.toxicity == one.toxicity
    with pytest.raises(BadSettings, match="something is there already"):
        _run(tiny_causal, toxic_scorer, place, op="zero", output=place / "third", bake=place / "baked")


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    tiny_causal: Path, toxic_scorer: str, place: Path
) -> None:
    given = {"op": "zero", "dose": "0.5,1"}
    child = os.fork()
    if not child:  # pragma: no cover
        measure, count = MeasuredModel.measure_in, iter(range(9))

        def killed(*parts: Any) -> Any:
            if next(count) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return measure(*parts)

        MeasuredModel.measure_in = killed  # type: ignore[method-assign]
        try:
            _run(tiny_causal, toxic_scorer, place, **given)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert (place / "out.journal").read_text().count('"name"') == 2
    recorder = Recorder()
    _run(tiny_causal, toxic_scorer, place, recorder, **given)
    assert sum(stage.startswith("measuring") for stage in recorder.stages) == 3
    _run(tiny_causal, toxic_scorer, place, **given, output=place / "whole")
    for name in ("summary.json", "doses.csv", "doses.svg"):
        assert (place / "out" / name).read_bytes() == (place / "whole" / name).read_bytes()


def test_what_strengthens_needs_an_audit_says_so_and_is_never_written(
    tiny_causal: Path, toxic_scorer: str, place: Path
) -> None:
    with pytest.raises(BadSettings, match="can strengthen"):
        _run(tiny_causal, toxic_scorer, place, op="scale", dose="2")
    with pytest.raises(BadSettings, match="never written"):
        _run(tiny_causal, toxic_scorer, place, op="scale", dose="2", audit=True, bake=place / "baked")
    result = _run(tiny_causal, toxic_scorer, place, op="scale", dose="2", audit=True, controls=0)
    assert (
        result.audit
        and AUDIT in result.tables()[0].title
        and AUDIT in (place / "out" / "summary.md").read_text()
    )
    away = NeuronList(((0, 3),), (-0.4,))
    write_neurons(place / "neurons.json", away)
    assert not strengthens("offset", 3.0, away.cosines) and strengthens("offset", -3.0, away.cosines)
    assert [strengthens(op, 1.0, ()) for op in ("scale", "zero", "mean", "clamp", "set")] == [False] * 4 + [
        True
    ]


BAD = (
    ({"op": "project-out"}, "for a direction"),
    ({"neurons": None}, "one of them"),
    ({"op": "scale", "dose": ()}, "needs a --dose"),
    ({"op": "zero", "dose": "0.5,1", "bake": "x"}, "give one --dose"),
    ({"op": "clamp", "dose": "1", "bake": "x"}, "cannot be folded"),
)


@pytest.mark.parametrize(("given", "words"), BAD)
def test_settings_that_contradict_each_other(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ProbeInterveneSettings(**{"model": "m", "neurons": "0:1", **given})


def test_neurons_are_named_by_numbers_or_by_a_file(tmp_path: Path) -> None:
    assert neurons_named("3:120, 5:7").neurons == ((3, 120), (5, 7))
    for words in ("3-120", "3:a", "", "1:2,1:2"):
        with pytest.raises(BadSettings):
            neurons_named(words)
    write_neurons(tmp_path / "neurons.json", NeuronList(((1, 2),)))
    assert neurons_named(str(tmp_path)).neurons == ((1, 2),)


def test_random_neurons_are_of_the_same_layers_and_about_as_long(tiny_causal: Path) -> None:
    loaded = load_causal(find_model(str(tiny_causal)), "cpu")
    vectors = load_neurons(loaded.model)
    chosen = [(0, 1), (0, 2), (1, 5)]
    drawn = matched_neurons(vectors, chosen, seed=3)
    assert [layer for layer, _ in drawn] == [0, 0, 1] and not {*drawn} & {*chosen} and len({*drawn}) == 3
    rows = {part.layer: vectors.rows(part).norm(dim=1).numpy() for part in vectors.neurons.parts}
    for (layer, one), (_, other) in zip(chosen, drawn, strict=True):
        gaps = np.sort(np.abs(rows[layer] - rows[layer][one]))
        assert abs(rows[layer][other] - rows[layer][one]) <= gaps[22]
    with pytest.raises(BadData, match="no neurons left"):
        matched_neurons(vectors, [(0, number) for number in range(60)], seed=0)
    text = " ".join(SENTENCES * 4)
    usual = usual_coefficients(loaded.model, loaded.tokenizer, vectors, chosen, text)
    assert len(usual) == 3 and np.ptp(usual) > 0
    assert change_of("mean", 0.5, usual).offsets == tuple(0.5 * one for one in usual)
