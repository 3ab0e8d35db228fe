"""Ratings in, agreement out: on real tiny models and ratings that are made from what they say."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.load import load_panel
from detox_cli.scoring.suites.suite import measure_outputs
from detox_cli.services.eval_meta.plan import plan
from detox_cli.services.eval_meta.run import run
from detox_cli.settings.evaluate import EvalRewriteSettings
from tests.recorder import Recorder

WORDS = ["this", "idea", "could", "be", "better", "so", "please", "stop", "and", "think", "about", "it"]


@pytest.fixture
def ratings(scorers, tmp_path):
    """Five systems on twelve sources; people hold what the tiny models hold."""
    rng = np.random.default_rng(0)
    sources = [" ".join(rng.choice(WORDS, size=rng.integers(4, 9))) + f" {i}" for i in range(12)]
    texts = [(f"s{k}", a, " ".join(rng.permutation(a.split())[k:])) for k in range(5) for a in sources]
    suite = SUITES["detox"]
    panel = load_panel(suite, scorers, device="cpu")
    parts = measure_outputs(suite, panel, [a for _, a, _ in texts], [b for _, _, b in texts])
    rows = [
        {
            "system": system,
            "lang": "en",
            "toxic_sentence": f" {a} ",
            "neutral_sentence": b,
            "toxic_pairwise_score": parts.sta[i],
            "content_score": parts.sim[i],
            "fluency_score": parts.fl[i],
        }
        for i, (system, a, b) in enumerate(texts)
    ]
    write_rows(tmp_path / "ratings.jsonl", rows)
    return rows, tmp_path / "ratings.jsonl"


def rank_correlation(rows):
    """Spearman's, over systems, of the mean of products and the product of means."""
    factors = np.array(
        [[row["toxic_pairwise_score"], row["content_score"], row["fluency_score"]] for row in rows]
    )
    by_system = factors.reshape(5, 12, 3)
    return spearmanr(by_system.prod(axis=2).mean(axis=1), by_system.mean(axis=1).prod(axis=1)).statistic


def settings(scorers, meta, **more):
    return EvalRewriteSettings(meta=meta, resamples=50, device="cpu", **(scorers | more))


def test_a_suite_that_is_right_agrees_and_its_scores_are_written_without_texts(scorers, ratings, tmp_path):
    result = run(settings(scorers, ratings[1], output=tmp_path / "out"))
    (english,) = result.languages
    assert (english.systems, english.sources, english.rows) == (5, 12, 60)
    assert english.segment.mean == pytest.approx(1, abs=1e-3)
    assert all(part.rows.mean == pytest.approx(1, abs=1e-3) for part in english.components.values())
    assert english.spearman.mean == pytest.approx(rank_correlation(ratings[0]), abs=1e-3)
    assert -1 <= english.spearman.low <= english.spearman.high <= 1
    assert english.official.spearman == 0.152 and result.mean.spearman.mean == english.spearman.mean
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 60 and not {"toxic", "output", "toxic_sentence"} & set(rows[0])
    assert "agreement with people" in (tmp_path / "out" / "summary.md").read_text()
    assert json.loads((tmp_path / "out" / "detox.json").read_text())["scorers"] == result.scorers


def test_people_who_hold_the_opposite_are_anticorrelated(scorers, ratings):
    rows, path = ratings
    keys = ("toxic_pairwise_score", "content_score", "fluency_score")
    write_rows(
        path,
        [row | {key: 1 - row[key] for key in keys} for row in rows],
    )
    (english,) = run(settings(scorers, path)).languages
    assert all(part.rows.mean == pytest.approx(-1, abs=1e-3) for part in english.components.values())


def test_a_language_that_a_scorer_does_not_read_is_left_out_and_said(scorers, ratings):
    rows, path = ratings
    write_rows(path, [*rows, *(row | {"lang": "de"} for row in rows)])
    heard = Recorder()
    result = run(settings(scorers, path, fl="builtin:fluency"), heard)
    assert [one.lang for one in result.languages] == ["en"] and result.left_out == ["de"]
    assert any("does not read them: de" in warning for warning in heard.warnings)
    assert result.reads == {"STA": None, "SIM": None, "FL": ["en"]}
    both = run(settings(scorers, path))
    assert [one.lang for one in both.languages] == ["de", "en"] and both.tables()[0].rows[-1][0] == "mean"
    write_rows(path, [row | {"lang": "de"} for row in rows])
    with pytest.raises(BadData, match="has ratings in de; the scorers read en"):
        run(settings(scorers, path, fl="builtin:fluency"))


def test_options_without_use_and_too_few_systems_are_refused(scorers, ratings):
    rows, path = ratings
    with pytest.raises(BadSettings, match="FILE and --limit cannot be given with --meta"):
        run(settings(scorers, path, files=("pairs.jsonl",), limit=3))
    write_rows(path, [row for row in rows if row["system"] in ("s0", "s1")])
    with pytest.raises(BadData, match="rates 2 systems in en; a ranking needs 4"):
        run(settings(scorers, path))


def test_a_dry_run_counts_ratings_and_finds_scorers(scorers, ratings):
    things = plan(settings(scorers, ratings[1]), Recorder()).things
    assert things[0][2] == "rated outputs: en 60" and [t[0] for t in things[1:]] == ["--sta", "--sim", "--fl"]
