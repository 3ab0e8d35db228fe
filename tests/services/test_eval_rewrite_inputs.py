"""Which rows are compared with which: systems, references, languages; and which cannot be used."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, Missing
from detox_cli.services.eval_rewrite.plan import plan
from detox_cli.settings.evaluate import EvalRewriteSettings
from tests.recorder import Recorder
from tests.rewrites import ROWS, evaluate, named, write


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


def test_a_file_may_be_given_with_the_name_of_its_system(scorers, rewrites, tmp_path):
    (tmp_path / "other").mkdir()
    again = write(tmp_path / "other" / "rewriter.jsonl", ROWS[::-1])
    folder = tmp_path / "scores"
    result = evaluate(scorers, rewrites, f"new={again}", baselines=False, output=folder)
    assert [scores.system for scores in result.systems] == ["rewriter", "new"]
    assert set(json.loads((folder / "detox.json").read_text())["inputs"]) == {rewrites, again}
    with pytest.raises(BadData, match="new: is given twice"):
        evaluate(scorers, f"new={rewrites}", f"new={again}")
    with_sign = write(tmp_path / "t=0.8.jsonl")
    assert evaluate(scorers, with_sign, baselines=False).systems[0].system == "t=0.8"


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
    assert result.unread == {}, "nothing says which languages these scorers read"


def test_every_language_counts_the_same_in_the_mean_over_languages(scorers, tmp_path):
    path = tmp_path / "two.jsonl"
    langs = ["en"] * 4 + ["de", None]
    write_rows(
        path,
        [
            {"id": i, "toxic": s, "neutral": o} | ({"lang": lang} if lang else {})
            for (i, s, o, _), lang in zip(ROWS, langs, strict=True)
        ],
    )
    result = evaluate(scorers, str(path), baselines=False)
    (mean,) = result.language_means
    assert (mean.languages, mean.J_mean_of_products.n) == (2, 5)
    for name in ("STA", "J_mean_of_products"):
        expected = np.mean([getattr(s, name).mean for s in result.languages])
        assert getattr(mean, name).mean == pytest.approx(expected)
    assert [table.title for table in result.tables()].count("Mean over languages") == 1


def test_rows_that_a_scorer_does_not_read_are_told_and_scored_all_the_same(scorers, tmp_path):
    path, heard = tmp_path / "two.jsonl", Recorder()
    langs = ["en", "en-GB", "de", "de", "ru", "ru"]
    rows = [
        {"id": i, "toxic": s, "neutral": o, "lang": lang}
        for (i, s, o, _), lang in zip(ROWS, langs, strict=True)
    ]
    write_rows(path, rows)
    result = evaluate(scorers | {"sta": "builtin:lexicon"}, str(path), progress=heard)
    assert result.unread == {"STA": {"de": 2, "ru": 2}} and result.systems[0].n == 6
    assert any("builtin:lexicon reads en; STA and J mean nothing" in warning for warning in heard.warnings)
    assert "2 in de, 2 in ru" in result.tables()[0].caption


def test_texts_over_several_lines_stay_one_row_in_every_format(scorers, tmp_path):
    rows = [{"id": i, "toxic": f"{s}\nand more", "neutral": f"{o}\n\nand more"} for i, s, o, _ in ROWS]
    found = []
    for suffix in ("jsonl", "csv", "tsv", "parquet"):
        write_rows(tmp_path / f"lines.{suffix}", rows)
        found.append(evaluate(scorers, str(tmp_path / f"lines.{suffix}")).systems[0])
    assert {one.n for one in found} == {6}
    assert len({one.J_mean_of_products.mean for one in found}) == 1


def test_repeated_sources_do_not_multiply_rows_and_share_their_references(scorers, tmp_path):
    rows = [{"toxic": s, "neutral": o} for _, s, o, _ in (*ROWS, *ROWS[:2])]
    write_rows(tmp_path / "repeated.jsonl", rows)
    references = [{"toxic": s, "neutral": r} for _, s, _, rs in ROWS for r in rs]
    write_rows(tmp_path / "human.jsonl", [*references, *references])
    result = evaluate(
        scorers, str(tmp_path / "repeated.jsonl"), references=str(tmp_path / "human.jsonl"), suite="clef2024"
    )
    assert {scores.n for scores in result.systems} == {8}
    assert named(result, "references").FL.mean == pytest.approx(1)


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


def test_a_dry_run_counts_rows_and_finds_scorers_without_loading_them(scorers, rewrites, monkeypatch):
    monkeypatch.setattr("detox_cli.models.loading.AutoModelForSequenceClassification", None)
    settings = EvalRewriteSettings(files=(rewrites,), suite="clef2024", **scorers)
    found = plan(settings, Recorder())
    assert found.rows == {"rewriter": 6, "copy (baseline)": 6, "delete (baseline)": 6, "references": 6}
    assert [measure for measure, _, _ in found.scorers] == ["STA", "SIM"]
    with pytest.raises(Missing, match="/nowhere"):
        plan(settings.model_copy(update={"sta": "hf:/nowhere#toxic"}), Recorder())
