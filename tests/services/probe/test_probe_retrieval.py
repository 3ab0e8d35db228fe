"""Retrieval by hand, and on a tiny model; what has no parallel rows is named."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.services.probe_retrieval.effect import correlations, effects_of
from detox_cli.services.probe_retrieval.nearest import intervals, retrieval
from detox_cli.services.probe_retrieval.parallel import read_parallel
from detox_cli.services.probe_retrieval.run import _inputs, run
from detox_cli.settings.probe_retrieval import ProbeRetrievalSettings
from detox_cli.statistics.bootstrap import mean_interval
from detox_cli.statistics.ranking import pearson
from tests.recorder import Recorder

RANDOM = np.random.default_rng(0)


def test_ranks_are_those_of_a_plain_loop() -> None:
    a, b = RANDOM.normal(size=(12, 4)), RANDOM.normal(size=(12, 4))
    b += 1.5 * a
    found = retrieval(a, b, 3).values

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    near = [[cosine(x, y) for y in b] for x in a]
    usual_a = [np.mean(sorted(row)[-3:]) for row in near]
    usual_b = [np.mean(sorted(column)[-3:]) for column in zip(*near, strict=True)]
    for i in range(12):
        forth = 1 + sum(near[i][j] > near[i][i] for j in range(12))
        back = 1 + sum(near[j][i] > near[i][i] for j in range(12))
        scaled = [[2 * near[p][q] - usual_a[p] - usual_b[q] for q in range(12)] for p in range(12)]
        row_first = int(scaled[i][i] == max(scaled[i]))
        column_first = int(scaled[i][i] == max(scaled[p][i] for p in range(12)))
        assert found["p1_from_pivot"][i] == (forth == 1) and found["p1_to_pivot"][i] == (back == 1)
        assert found["mrr"][i] == pytest.approx((1 / forth + 1 / back) / 2)
        assert found["p1_csls"][i] == (row_first + column_first) / 2
        assert found["cosine"][i] == pytest.approx(near[i][i])
    assert 0 < found["p1"].mean() < 1


def test_a_common_shift_fools_the_cosine_of_pairs_and_centring_undoes_it() -> None:
    meaning = RANDOM.normal(size=(40, 8))
    pivot, other = meaning, meaning + 0.1 * RANDOM.normal(size=(40, 8))
    language = 30 * RANDOM.normal(size=8)
    apart = retrieval(pivot + 100 * np.ones(8), -other + 100 * np.ones(8), 5).values
    assert apart["cosine"].mean() > 0.99 and apart["p1"].mean() < 0.1
    shifted = retrieval(pivot, other + language, 5).values
    assert shifted["p1_centred"].mean() > 0.9 > shifted["p1"].mean()
    equal = retrieval(np.ones((5, 3)), np.ones((5, 3)), 2).values
    assert equal["p1"].sum() == 0 and (equal["mrr"] == 0.2).all()


def test_the_intervals_are_those_of_means() -> None:
    column = RANDOM.random(30)
    (found,) = intervals([column], seed=0, resamples=2000)
    wanted = mean_interval(column, seed=0, resamples=2000)
    assert (found.mean, found.n) == (pytest.approx(wanted.mean), 30)
    assert found.low == pytest.approx(wanted.low, abs=0.01) and found.high == pytest.approx(
        wanted.high, abs=0.01
    )


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """English sentences, a "language" that only doubles them, and one of random words."""
    words = ["train", "page", "time", "weather", "polite", "second", "answer", "silly"]
    rows = []
    for _ in range(30):
        chosen = RANDOM.choice(words, 5)
        noise = " ".join(RANDOM.choice(["Q", "Z", "7", "K", "W", "3", "X"], 8))
        rows.append({"id": len(rows), "en": " ".join(chosen), "de": " ".join(chosen) + " !", "fr": noise})
    path = tmp_path / "parallel.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _settings(model: Path, data: Path, **more: Any) -> ProbeRetrievalSettings:
    given = {"model": str(model), "data": (str(data),), "output": data.parent / "out", "device": "cpu"}
    return ProbeRetrievalSettings(**{**given, "resamples": 100, **more})


def test_copies_are_found_noise_is_not_and_the_same_command_does_nothing(
    tiny_causal: Path, pairs: Path
) -> None:
    recorder = Recorder()
    result = run(_settings(tiny_causal, pairs), recorder)
    german, french = result.languages
    assert german.figures["p1"].low > 0.5 and french.figures["p1_centred"].mean < 0.3
    assert german.pairs + german.repeated == 30 and result.averaged == ["embedding", "0", "final"]
    layers = [one.figures["p1"].mean for one in result.layers if one.lang == "de" and one.place != "1"]
    assert german.figures["p1"].mean == pytest.approx(np.mean(layers))
    table = json.loads((pairs.parent / "out" / "layers.json").read_text())
    assert len(table) == 2 * 4 * 12 and (pairs.parent / "out" / "languages.svg").exists()
    assert run(_settings(tiny_causal, pairs), recorder) == result
    assert any("finished already" in line for line in recorder.warnings)


def test_a_language_without_parallel_rows_is_one_line(tiny_causal: Path, pairs: Path) -> None:
    with pytest.raises(BadData, match="holds no parallel rows in hi") as caught:
        run(_settings(tiny_causal, pairs, languages=("de", "hi")))
    assert caught.value.hint == "parallel with en are de, fr"
    with pytest.raises(BadData, match="no language has parallel rows with sv"):
        run(_settings(tiny_causal, pairs, pivot="sv"))
    one = pairs.with_name("one.tsv")
    one.write_text("en\tde\nThe door is open.\tDie Tür ist offen.\n")
    with pytest.raises(BadData, match="one sentence pair of en and de; 2 are the least"):
        run(_settings(tiny_causal, one))


def test_rtp_lx_is_joined_by_its_english_text_and_a_member_of_a_zip_is_read(
    lx_prompts: Path, tmp_path: Path
) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")
    lines = lx_prompts.read_text(encoding="utf-8").split("\n")  # a prompt holds U+2028
    short = tmp_path / "RTP_LX_ALL.json"
    short.write_text("\n".join(lines[1:]), encoding="utf-8")  # without the first English prompt
    (whole,) = read_parallel([str(lx_prompts)], "en", (), None, None, rejects)
    (pairs,) = read_parallel([str(short)], "en", (), None, None, rejects)
    assert pairs.lang == "de" and pairs.texts == whole.texts[1:] and len(pairs.texts) > 1
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        rows = [{"index": i, "en": f"text {i}", "id": f"teks nomor {i}", "zh": f"文 {i}"} for i in range(4)]
        archive.writestr("parallel/way.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    inside = f"{tmp_path}/all.zip/parallel/way.jsonl"
    found = read_parallel([inside], "en", (), 3, None, rejects)
    assert [(one.lang, len(one.texts)) for one in found] == [("id", 3), ("zh", 3)]
    inputs = _inputs(_settings(tmp_path, Path(inside), effect=(str(short),)))
    assert inputs == [tmp_path / "all.zip", short]
    with pytest.raises(BadData, match=r"has no member other\.jsonl"):
        read_parallel([f"{tmp_path}/all.zip/other.jsonl"], "en", (), None, None, rejects)


def test_the_effect_is_correlated_over_languages_that_have_both(tmp_path: Path) -> None:
    (tmp_path / "effects.csv").write_text("lang,effect\nde,.9\nfr,.6\nzh-hans,.5\nit,.1\nko,.2\n")
    effects = effects_of([str(tmp_path / "effects.csv")], 0, 100)
    measured = {"p1": {"de": 0.8, "fr": 0.7, "zh": 0.4, "it": 0.3, "hi": 0.9}}
    (found,) = correlations(measured, effects)
    assert found.pearson == pearson([0.8, 0.7, 0.4, 0.3], [0.9, 0.6, 0.5, 0.1])
    assert found.pearson.low < found.pearson.mean < found.pearson.high and found.pearson.n == 4
    assert found.without["it"] == pytest.approx(np.corrcoef([0.8, 0.7, 0.4], [0.9, 0.6, 0.5])[0, 1])
    with pytest.raises(BadData, match="3 languages have parallel rows and an effect"):
        correlations({"p1": {"de": 0.8, "fr": 0.7, "it": 0.4}}, effects)
    with pytest.raises(BadSettings, match="two folders"):
        effects_of([str(tmp_path / "effects.csv"), str(tmp_path / "effects.csv")], 0, 100)
