"""Rewrites in, scores out: on real tiny models, against the same scores computed row by row."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings, ExitCode, Missing, QualityLimit
from detox_cli.scoring import batching
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer
from detox_cli.services.eval_rewrite import run
from detox_cli.settings.evaluate import EvalRewriteSettings
from tests.recorder import Recorder
from tests.tiny_encoders import save_classifier, save_encoder

ROWS = [
    # id, source, rewrite, human rewrites
    ("a", "this idea is dumb", "this idea could be better", ["I do not like this idea"]),
    ("b", "shut up already", "please be quiet", ["please be quiet", "be silent please"]),
    (
        "c",
        "what a load of rubbish they wrote",
        "what a load of rubbish they wrote",
        ["I disagree with what they wrote"],
    ),
    ("d", "you are a stupid person", "", ["you are not wise"]),
    (
        "e",
        "why would anybody do such a silly thing",
        "I cannot rewrite content that is offensive.",
        ["why do such a thing"],
    ),
    ("f", "nobody likes you , idiot", "nobody likes you", ["you are not popular"]),
]


@pytest.fixture(scope="module")
def scorers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scorers")
    return {
        "sta": f"hf:{save_classifier(folder / 'toxicity', ['neutral', 'toxic'])}#toxic",
        "sim": f"hf:{save_encoder(folder / 'similarity')}",
        "fl": f"hf:{save_classifier(folder / 'fluency', ['unacceptable', 'acceptable'], seed=3)}",
    }


def write(path, rows=ROWS, **columns):
    records = [{"id": i, "toxic": s, "neutral": o, "references": r} | columns for i, s, o, r in rows]
    write_rows(path, records)
    return str(path)


@pytest.fixture
def rewrites(tmp_path):
    return write(tmp_path / "rewriter.jsonl")


def evaluate(scorers, *files, progress=None, **settings):
    return run(EvalRewriteSettings(files=files, **(scorers | settings)), progress or Recorder())


def named(result, name):
    return next(scores for scores in result.systems if scores.system == name)


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
        expected = [
            1 - toxic.score([output])[0],
            same.score([(source, output)])[0],
            fluent.score([output])[0],
        ]
        expected[1] = max(0.0, expected[1])
        assert [row["sta"], row["sim"], row["fl"]] == pytest.approx(expected, abs=1e-5)
        products.append(np.prod(expected))
    scores = named(result, "rewriter")
    assert scores.J_mean_of_products.mean == pytest.approx(np.mean(products), abs=1e-5)
    means = [np.mean([row[part] for row in own]) for part in ("sta", "sim", "fl")]
    assert scores.J_product_of_means.mean == pytest.approx(np.prod(means))
    assert scores.J_mean_of_products.low < scores.J_mean_of_products.mean < scores.J_mean_of_products.high
    assert scores.n == scores.J_mean_of_products.n == 6


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


def test_systems_are_joined_by_id_whatever_the_order(scorers, rewrites, tmp_path):
    shuffled = write(tmp_path / "shuffled.jsonl", [ROWS[i] for i in (3, 1, 5, 0, 4, 2)])
    better = write(tmp_path / "better.csv", [(i, s, r[0], r) for i, s, _, r in ROWS])
    result = evaluate(scorers, rewrites, shuffled, better, baselines=False)
    same, gain = result.differences[0], result.differences[1]
    assert asdict(same.J_mean_of_products) == {"mean": 0, "low": 0, "high": 0, "n": 6}
    expected = (
        named(result, "rewriter").J_mean_of_products.mean - named(result, "better").J_mean_of_products.mean
    )
    assert gain.J_mean_of_products.mean == pytest.approx(expected)


def test_a_row_that_one_system_lacks_is_compared_nowhere_and_told(scorers, rewrites, tmp_path):
    shorter, heard = write(tmp_path / "shorter.jsonl", ROWS[:4]), Recorder()
    result = evaluate(scorers, rewrites, shorter, baselines=False, progress=heard)
    assert [named(result, name).n for name in ("rewriter", "shorter")] == [6, 4]
    assert result.differences[0].n == 4
    assert any("2 of 6 rows are not in every file" in warning for warning in heard.warnings)


def test_the_same_id_with_another_source_is_an_error(scorers, rewrites, tmp_path):
    other = write(tmp_path / "other.jsonl", [("a", "another source", "x", [])])
    with pytest.raises(BadData, match=r"other\.jsonl:1: row 'a' has another source than .*rewriter\.jsonl:1"):
        evaluate(scorers, rewrites, other)


@pytest.mark.parametrize(("with_ids", "joined"), [(True, "id"), (False, "source text")])
def test_references_join_by_id_or_by_source_and_it_is_said(scorers, tmp_path, with_ids, joined):
    bare = tmp_path / "bare.jsonl"
    write_rows(bare, [{"id": i, "toxic": s, "neutral": o} for i, s, o, _ in ROWS])
    references = tmp_path / "human.jsonl"
    keep = [({"id": i} if with_ids else {}) | {"toxic": s, "neutral": r[0]} for i, s, _, r in reversed(ROWS)]
    write_rows(references, keep)
    result = evaluate(scorers, str(bare), references=str(references), suite="clef2024")
    assert result.references_joined_by == joined
    assert named(result, "references").FL.mean == pytest.approx(1)
    assert "fl" not in {name.lower() for name in result.scorers}


def test_references_of_another_run_are_refused(scorers, rewrites, tmp_path):
    write_rows(tmp_path / "other.jsonl", [{"id": "a", "toxic": "elsewhere", "neutral": "x"}])
    with pytest.raises(BadData, match="row 'a' has another source"):
        evaluate(scorers, rewrites, references=str(tmp_path / "other.jsonl"))
    write_rows(tmp_path / "strange.jsonl", [{"toxic": "elsewhere", "neutral": "x"}])
    with pytest.raises(BadData, match="shares neither ids nor sources"):
        evaluate(scorers, rewrites, references=str(tmp_path / "strange.jsonl"))


def test_a_suite_with_references_refuses_rows_without(scorers, tmp_path):
    file = write(tmp_path / "some.jsonl", [ROWS[0], ("z", "shut up", "quiet", [])])
    with pytest.raises(BadData, match=r"1 of 2 rows have no reference, which suite clef2024 needs"):
        evaluate(scorers, file, suite="clef2024")


def test_published_formats_are_read_as_they_are(scorers, tmp_path):
    path = tmp_path / "llm.csv"
    path.write_text(
        ",Unnamed: 0,en_toxic_comment,en_neutral_comment,generated_neutral_sentence\n"
        "0,0,this idea is dumb,I do not like this idea,this idea could be better\n"
        "1,1,shut up already,please be quiet,\n"
    )
    scores = evaluate(scorers, str(path)).systems[0]
    assert (scores.n, scores.empties.mean) == (2, 0.5)
    assert 0 < scores.chrf_reference.mean < 100


def test_languages_are_reported_apart(scorers, tmp_path):
    path = tmp_path / "two.jsonl"
    write_rows(
        path, [{"id": i, "toxic": s, "neutral": o, "lang": "en" if i < "d" else "de"} for i, s, o, _ in ROWS]
    )
    result = evaluate(scorers, str(path), baselines=False)
    assert [(s.lang, s.n) for s in result.languages] == [("de", 3), ("en", 3)]
    whole = result.systems[0].J_mean_of_products.mean
    assert whole == pytest.approx(np.mean([s.J_mean_of_products.mean for s in result.languages]))


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
    with pytest.raises(BadSettings, match="something already"):
        evaluate(scorers, rewrites, output=folder)


def test_every_table_says_suite_and_aggregation(scorers, rewrites):
    result = evaluate(scorers, rewrites)
    first, _, differences = result.tables()
    assert "detox" in first.title and "J_mean_of_products" in first.columns
    assert "J" not in first.columns and "J" not in differences.columns
    assert "do not compare with published figures" in first.caption


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
    assert isinstance(problem, QualityLimit) and "rewriter: J_mean_of_products is 0." in str(problem)
    for wrong in ("J", "J=high", "BLEU=3"):
        with pytest.raises(BadSettings, match="is no quality limit"):
            evaluate(scorers, rewrites, fail_below=(wrong,))


def test_rows_that_say_they_were_dropped_are_counted(scorers, tmp_path):
    path = tmp_path / "pairs.jsonl"
    flags = [[], ["copy"], ["refusal", "too_long"], [], [], []]
    write_rows(
        path,
        [
            {"id": i, "toxic": s, "neutral": o, "flags": f}
            for (i, s, o, _), f in zip(ROWS, flags, strict=True)
        ],
    )
    scores = evaluate(scorers, str(path)).systems[0]
    assert (scores.flagged, scores.n) == (2, 6)


def test_bad_rows_are_rejected_with_a_reason_or_fatal(scorers, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(
        '{"toxic": "shut up", "neutral": "quiet"}\n'
        '{"toxic": null, "neutral": "x"}\n'
        '{"toxic": "a", "neutral": 3}\n'
    )
    result = evaluate(scorers, str(path), rejects=tmp_path / "rejects.jsonl")
    assert (result.rejects, result.systems[0].n) == (2, 1)
    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 2
    with pytest.raises(BadData, match=r"bad\.jsonl:2"):
        evaluate(scorers, str(path), strict=True)


def test_a_missing_column_names_the_nearest(scorers, rewrites):
    with pytest.raises(BadData, match="no column 'neutrall'") as caught:
        evaluate(scorers, rewrites, output_column="neutrall")
    assert "did you mean 'neutral'" in caught.value.hint


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
    assert "the limit is 0.99" in done.stderr and "Traceback" not in done.stderr
