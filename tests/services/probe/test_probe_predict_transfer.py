"""Effects on a planted line are predicted within their intervals; noise is said to be worth nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress, t

from detox_cli.errors import BadData
from detox_cli.services.probe_predict_transfer.result import ProbePredictTransferResult
from detox_cli.services.probe_predict_transfer.run import run
from detox_cli.services.probe_retrieval.nearest import MEASURES
from detox_cli.services.probe_retrieval.result import LanguageRetrieval, ProbeRetrievalResult
from detox_cli.settings.probe_predict_transfer import ProbePredictTransferSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.line import fit_line, student_975
from tests.recorder import Recorder

LANGUAGES = ("ar", "cs", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt")
RANDOM = np.random.default_rng(0)


def retrieval(folder: Path, effects: dict[str, float | None], values: dict[str, float], **more) -> Path:
    """A folder as `probe retrieval` leaves it; every measure but the cosine is the same."""
    told = [
        LanguageRetrieval(
            lang=lang,
            pairs=100,
            repeated=0,
            figures={
                name: Estimate(0.9 if name == "cosine" else values[lang], 0.0, 1.0, 100) for name in MEASURES
            },
            best="0",
            effect=effects.get(lang),
        )
        for lang in values
    ]
    given = {"model": folder.name, "pivot": "en", "pooling": "mean", "places": ["0"], "averaged": ["0"]}
    found = ProbeRetrievalResult(**{**given, **more}, languages=told, layers=[])
    folder.mkdir()
    (folder / "summary.json").write_text(found.model_dump_json())
    return folder


def predicted(folder: Path, *known: Path, recorder: Recorder | None = None) -> ProbePredictTransferResult:
    settings = ProbePredictTransferSettings(folder=folder, known=known, output=folder.with_name("out"))
    return run(settings, recorder or Recorder())


def test_a_line_is_found_tried_on_held_out_languages_and_predicts_the_rest(tmp_path: Path) -> None:
    values = dict(zip(LANGUAGES, np.linspace(0.2, 0.9, len(LANGUAGES)), strict=True))
    truth = {lang: 0.1 + 0.6 * value + RANDOM.normal(0, 0.03) for lang, value in values.items()}
    known = {lang: truth[lang] for lang in LANGUAGES if lang not in ("hi", "pt")}
    recorder = Recorder()
    result = predicted(retrieval(tmp_path / "mine", known, values), recorder=recorder)
    assert [one.lang for one in result.predictions] == ["hi", "pt"] and result.languages == 10
    assert [one.outside for one in result.predictions] == [False, True]
    assert any("beyond what is known: pt" in line for line in recorder.warnings)
    assert all(not one.effect.excludes(truth[one.lang]) for one in result.predictions)
    by_measure = {one.measure: one for one in result.skills}
    assert "cosine" not in by_measure and by_measure["p1"].gain.low > 0 and by_measure["p1"].gain.n == 10

    first = result.held_out[0]
    rest = [(values[lang], effect) for lang, effect in known.items() if lang != first.lang]
    x, y = map(np.array, zip(*rest, strict=True))
    fit = linregress(x, y)
    error = np.sqrt(np.square(y - fit.intercept - fit.slope * x).sum() / 7)
    at = values[first.lang]
    half = t.ppf(0.975, 7) * error * np.sqrt(1 + 1 / 9 + (at - x.mean()) ** 2 / np.square(x - x.mean()).sum())
    assert first.predicted.mean == pytest.approx(fit.intercept + fit.slope * at)
    assert first.predicted.high - first.predicted.mean == pytest.approx(half)
    assert first.usual == pytest.approx(y.mean())
    folder = tmp_path / "out"
    assert json.loads((folder / "predictions.json").read_text())[0]["lang"] == "hi"
    assert {path.stem for path in folder.glob("*.svg")} == {"predictions", "held_out", "skills"}
    again = predicted(tmp_path / "mine", recorder=recorder)
    assert again == result and any("finished already" in line for line in recorder.warnings)


def test_effects_that_were_measured_all_the_same_stand_beside_predictions(tmp_path: Path) -> None:
    values = dict(zip(LANGUAGES, np.linspace(0.2, 0.9, len(LANGUAGES)), strict=True))
    effects = {lang: 0.1 + 0.6 * value + RANDOM.normal(0, 0.03) for lang, value in values.items()}
    known = retrieval(tmp_path / "known", effects, values)
    truth = {lang: effect + 0.01 for lang, effect in effects.items()}
    result = predicted(retrieval(tmp_path / "new", truth, values), known)
    assert {one.lang: one.measured for one in result.predictions} == truth
    since = {one.measure: one for one in result.skills if one.by == "new model"}
    errors = [abs(one.effect.mean - truth[one.lang]) for one in result.predictions]
    assert since["p1"].error.mean == pytest.approx(np.mean(errors)) and since["p1"].gain.low > 0
    usual = np.abs(np.mean([*effects.values()]) - np.array([*truth.values()])).mean()
    assert since["p1"].error_of_mean.mean == pytest.approx(usual) and since["p1"].pearson.n == 12
    assert since["p1"].inside == 1 and "measured" in result.tables()[0].columns


def test_noise_is_said_to_be_worth_nothing_and_models_are_held_out_too(tmp_path: Path) -> None:
    values = dict(zip(LANGUAGES, RANDOM.random(len(LANGUAGES)), strict=True))
    known = [
        retrieval(tmp_path / name, dict(zip(LANGUAGES, RANDOM.random(len(LANGUAGES)), strict=True)), values)
        for name in ("one", "two")
    ]
    recorder = Recorder()
    result = predicted(retrieval(tmp_path / "new", {}, {"sv": 0.5}), *known, recorder=recorder)
    (only,) = result.predictions
    assert only.lang == "sv" and len(result.held_out) == 24
    assert [one.by for one in result.skills] == ["language"] * 4 + ["model"]
    assert result.skills[0].gain.n == 12 and result.skills[-1].gain.n == 2
    assert any("no better than the mean effect" in line for line in recorder.warnings)


def test_what_cannot_be_learnt_from_is_one_line(tmp_path: Path) -> None:
    values = dict.fromkeys(LANGUAGES, 0.5)
    few = retrieval(tmp_path / "few", {"ar": 0.1, "cs": 0.2, "de": 0.3}, values)
    with pytest.raises(BadData, match="3 languages have an effect; 4 are the least"):
        predicted(few)
    flat = retrieval(tmp_path / "flat", dict(zip(LANGUAGES, RANDOM.random(12), strict=True)), values)
    with pytest.raises(BadData, match="p1 is the same in all languages"):
        predicted(flat)
    other = retrieval(tmp_path / "other", {}, {"sv": 0.5}, pooling="last")
    with pytest.raises(BadData, match="was measured with pooling mean, and"):
        predicted(other, flat)
    with pytest.raises(BadData, match="is no folder of probe retrieval"):
        predicted(tmp_path)


def test_quantiles_and_slopes_are_those_of_scipy() -> None:
    for freedom in (1, 2, 5, 15):
        assert student_975(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-7)
    x, y = RANDOM.random(9), RANDOM.random(9)
    line, fit = fit_line(x, y), linregress(x, y)
    slope = line.slope_interval()
    assert (line.slope, line.intercept) == (pytest.approx(fit.slope), pytest.approx(fit.intercept))
    assert slope.high - slope.mean == pytest.approx(t.ppf(0.975, 7) * fit.stderr)
