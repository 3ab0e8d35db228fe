"""Rewrites in, scores out: on real tiny models, against the same scores computed row by row."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import BadSettings, ExitCode, Missing, QualityLimit
from detox_cli.scoring import batching
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer
from detox_cli.scoring.suites import detox
from detox_cli.services.eval_rewrite.run import run
from detox_cli.settings.evaluate import EvalRewriteSettings
from tests.recorder import Recorder
from tests.rewrites import ROWS, evaluate, named, write


def test_scores_are_those_of_each_row_alone(scorers, rewrites, tmp_path):
    result = evaluate(scorers, rewrites, rows=tmp_path / "rows.jsonl")
    toxic, same, fluent = (
        load_text_scorer(scorers["sta"]),
        load_pair_scorer(scorers["sim"]),
        load_text_scorer(scorers["fl"]),
    )
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    own = [row for row in rows if row["system"] == "rewriter"]
    products = []
    for (row_id, source, output, _), row in zip(ROWS, own, strict=True):
        assert row["id"] == row_id
        if not output:
            products.append(0.0)
            continue
        expected = detox.combine(
            *(1 - np.array(toxic.score([text])) for text in (source, output)),
            np.array(same.score([(source, output)])),
            detox.length_balance([source], [output]),
            *(np.array(fluent.score([text])) for text in (source, output)),
        )
        expected = [float(part[0]) for part in (expected.sta, expected.sim, expected.fl)]
        assert [row["sta"], row["sim"], row["fl"]] == pytest.approx(expected, abs=1e-5)
        products.append(np.prod(expected))
    scores = named(result, "rewriter")
    assert scores.J_mean_of_products.mean == pytest.approx(np.mean(products), abs=1e-5)
    means = [np.mean([row[part] for row in own]) for part in ("sta", "sim", "fl")]
    assert scores.J_product_of_means.mean == pytest.approx(np.prod(means))
    assert scores.J_mean_of_products.low < scores.J_mean_of_products.mean < scores.J_mean_of_products.high
    assert scores.n == scores.J_mean_of_products.n == 6


@pytest.mark.parametrize("suite", ["detox", "paradetox2022", "clef2024"])
def test_the_bar_of_scores_knows_its_end(suite, scorers, rewrites):
    recorder = Recorder()
    run(EvalRewriteSettings(files=(str(rewrites),), suite=suite, **scorers), recorder)
    (bar,) = recorder.tasks
    assert bar.total == bar.done > 24


def test_copies_refusals_and_empties_are_counted_and_not_dropped(scorers, rewrites):
    scores = named(evaluate(scorers, rewrites), "rewriter")
    counts = {
        name: round(getattr(scores, name).mean * 6) for name in ("copies", "refusals", "empties", "residue")
    }
    assert counts == {"copies": 1, "refusals": 1, "empties": 1, "residue": 1}
    assert scores.n == 6


def test_baselines_are_copying_deleting_and_the_references(scorers, rewrites):
    result = evaluate(scorers, rewrites)
    assert [s.system for s in result.systems] == [
        "rewriter",
        "copy (baseline)",
        "delete (baseline)",
        "references",
    ]
    copy, delete, human = (named(result, s.system) for s in result.systems[1:])
    assert (
        copy.copies.mean == 1
        and copy.SIM.mean == pytest.approx(1)
        and copy.chrf_source.mean == pytest.approx(100)
    )
    assert delete.residue.mean == 0 < copy.residue.mean
    assert human.chrf_reference.mean == pytest.approx(100)
    assert not evaluate(scorers, rewrites, baselines=False).systems[1:]


def test_style_is_compared_with_the_source_and_with_the_references(scorers, rewrites, tmp_path):
    result = evaluate(scorers, rewrites, rows=tmp_path / "rows.jsonl")
    toxic = load_text_scorer(scorers["sta"])
    better, as_good = [], []
    for _, source, output, references in ROWS:
        before, after, *human = toxic.score([source, output or source, *references])
        better.append(bool(output) and after < before)
        as_good.append(bool(output) and after <= max(human))
    scores = named(result, "rewriter")
    assert scores.less_toxic.mean == pytest.approx(np.mean(better))
    assert scores.as_reference.mean == pytest.approx(np.mean(as_good))
    assert named(result, "copy (baseline)").less_toxic.mean == 0, "a copy is as toxic as its source"
    assert named(result, "references").as_reference.mean == 1
    row = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[3])
    assert row["output"] == "" and row["p_toxic_output"] is None and row["less_toxic"] is False
    table = result.tables()[1]
    assert "less toxic than source" in table.columns and "edition 2" in result.tables()[0].title


def test_the_folder_holds_rows_summary_and_manifest(scorers, rewrites, tmp_path):
    result = evaluate(scorers, rewrites, output=tmp_path / "scores")
    folder = tmp_path / "scores"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["systems"][0]["J_mean_of_products"]["mean"] == result.systems[0].J_mean_of_products.mean
    manifest = json.loads((folder / "detox.json").read_text())
    assert manifest["scorers"] == result.scorers and set(result.scorers) == {"STA", "SIM", "FL"}
    assert manifest["inputs"][rewrites]["sha256"]
    page = (folder / "summary.md").read_text()
    assert "J_mean_of_products" in page and "| rewriter |" in page
    assert len((folder / "rows.jsonl").read_text().splitlines()) == 4 * 6
    assert evaluate(scorers, rewrites, output=folder) == result, "nothing is done again"
    with pytest.raises(BadSettings, match="the output of another run is there"):
        evaluate(scorers, rewrites, output=folder, seed=1)


def test_every_table_says_suite_and_aggregation(scorers, rewrites):
    result = evaluate(scorers, rewrites)
    first, _, differences = result.tables()
    assert "detox" in first.title and "J_mean_of_products" in first.columns
    assert "J" not in first.columns and "J" not in differences.columns
    assert "compare only with figures made by the same" in first.caption


def test_what_is_known_is_not_scored_again(scorers, rewrites, monkeypatch):
    first = evaluate(scorers, rewrites)
    monkeypatch.setattr(batching, "_forward", None)
    again = evaluate(scorers, rewrites)
    assert [s.J_mean_of_products for s in again.systems] == [s.J_mean_of_products for s in first.systems]
    with pytest.raises(TypeError):
        evaluate(scorers, rewrites, cache=False)


def test_quality_limits(scorers, rewrites):
    assert evaluate(scorers, rewrites, fail_below=("J=0.0001", "STA=0.01")).problem() is None
    problem = evaluate(scorers, rewrites, fail_below=("J=0.99",)).problem()
    assert isinstance(problem, QualityLimit) and "J_mean_of_products of rewriter is 0." in str(problem)
    both = evaluate(scorers, rewrites, fail_if=("J<0.99", "copies[copy (baseline)]>0.5", "STA[*]<0"))
    assert [line.split(" is ")[0] for line in both.missed] == [
        "J_mean_of_products of rewriter",
        "copies of copy (baseline)",
    ]
    for wrong in ("J", "J=high", "BLEU=3"):
        with pytest.raises(BadSettings, match=r"is no quality limit|no figure 'BLEU'"):
            evaluate(scorers, rewrites, fail_below=(wrong,))


def test_texts_that_are_cut_are_told(scorers, tmp_path):
    heard, long = Recorder(), " ".join(source for _, source, _, _ in ROWS * 3)
    result = evaluate(scorers, write(tmp_path / "long.jsonl", [("a", long, long, [])]), progress=heard)
    assert result.cut["STA"] >= 1 and result.cut["SIM"] >= 1
    assert any("STA" in warning for warning in heard.warnings)


def test_a_scorer_that_the_suite_cannot_use_is_told(scorers, rewrites):
    heard = Recorder()
    evaluate(scorers, rewrites, suite="clef2024", progress=heard)
    assert any("--fl is not used" in warning for warning in heard.warnings)


def test_a_missing_suite_model_is_one_line(rewrites):
    with pytest.raises(Missing, match="suite clef2025 measures STA with"):
        run(EvalRewriteSettings(files=(rewrites,), suite="clef2025", references=rewrites))


def test_the_command_reads_stdin_prints_j_and_exits_with_the_limit(scorers, rewrites):
    flags = [word for name, spec in scorers.items() for word in (f"--{name}", spec)]
    with Path(rewrites).open(encoding="utf-8") as rows:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "detox_cli",
                "eval",
                "rewrite",
                "-",
                *flags,
                "--quiet",
                "--fail-below",
                "J=0.99",
            ],
            stdin=rows,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == ExitCode.QUALITY, done.stderr
    assert done.stdout.startswith("stdin\tJ_mean_of_products\t0.")
    assert "(J<0.99)" in done.stderr and "Traceback" not in done.stderr


def test_declined_sources_count_as_empty_ones_under_their_own_name(scorers, tmp_path):
    rows = [
        {"id": "1", "toxic": "you fool", "output": "[cannot rewrite]"},
        {"id": "2", "toxic": "a silly page", "output": "whatever it says", "abstained": True},
        {"id": "3", "toxic": "a dumb plan", "output": "a weak plan"},
        {"id": "4", "toxic": "a dumb book", "output": ""},
    ]
    file = tmp_path / "declining.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = EvalRewriteSettings(files=(str(file),), baselines=False, cache=False, **scorers)
    plain, counted = run(settings), run(settings.model_copy(update={"abstain_text": "[cannot rewrite]"}))
    assert [r.systems[0].abstentions.mean for r in (plain, counted)] == [0.25, 0.5]
    assert [r.systems[0].empties.mean for r in (plain, counted)] == [0.25, 0.25]
    assert counted.systems[0].J_mean_of_products.mean < plain.systems[0].J_mean_of_products.mean
