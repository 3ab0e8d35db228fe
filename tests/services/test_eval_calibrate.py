"""``eval calibrate``: from labels to a scorer whose scores are shares, and a word on what is not known."""

import json

import numpy as np
import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.scoring.calibration import FILE
from detox_cli.scoring.languages import languages_of
from detox_cli.scoring.load import load_text_scorer
from detox_cli.services.eval_calibrate.run import run
from detox_cli.settings.calibrate import EvalCalibrateSettings
from tests.recorder import Recorder

LISTED, PLAIN = "you silly thing {}", "good morning number {}"


def write(path, toxic, plain, wrong=0, **more):
    """Labels on which the word list is right, but for ``wrong`` plain texts that people call toxic."""
    rows = [{"text": LISTED.format(n), "is_toxic": "Toxic"} | more for n in range(toxic)]
    rows += [
        {"text": PLAIN.format(n), "is_toxic": "Toxic" if n < wrong else "Not Toxic"} | more
        for n in range(plain)
    ]
    write_rows(path, rows)
    return str(path)


@pytest.fixture
def words(tmp_path):
    (tmp_path / "words.txt").write_text("silly\n")
    return f"lexicon:{tmp_path}/words.txt"


def calibrate(scorer, *labels, progress=None, **settings):
    settings = {"resamples": 50, "least": 20} | settings
    return run(EvalCalibrateSettings(scorer=scorer, labels=labels, **settings), progress or Recorder())


def test_a_map_turns_scores_into_shares_and_is_a_scorer(words, tmp_path):
    labels, out = write(tmp_path / "labels.jsonl", 60, 60, wrong=30), tmp_path / "calibrated"
    result = calibrate(words, f"en={labels}", output=out)
    (one,) = result.languages
    assert (one.lang, one.texts, result.coverage["en"]) == ("en", 120, "map")
    assert one.toxic.mean == pytest.approx(0.75)
    assert one.auroc.mean == pytest.approx((60 + 30 / 2) / 90), "pairs won, and ties by half"
    assert one.error.mean == pytest.approx(30 / 120) and one.error_after.mean < 0.1
    raw, mapped = load_text_scorer(words), load_text_scorer(f"calibrated:{out}#en")
    assert raw.score(["how silly", "hello"]) == [1.0, 0.0]
    assert mapped.score(["how silly", "hello"]) == pytest.approx([1.0, 0.5])
    assert mapped.threshold == pytest.approx(0.75) and raw.identity in mapped.identity
    assert load_text_scorer(f"calibrated:{out / FILE}").lang == "all"
    assert languages_of(f"calibrated:{out}") == {"en"}
    votes = load_text_scorer(f"vote:calibrated:{out}#en,{words}").score(["silly", "hello"])
    assert votes == [1.0, 0.0], "the member's own threshold counts: .5 is not enough"


def test_what_is_reported_of_the_map_is_of_texts_it_has_not_seen(words, tmp_path):
    generator = np.random.default_rng(0)
    rows = [{"text": f"a{n}", "toxic": int(generator.random() < 0.5)} for n in range(200)]
    write_rows(tmp_path / "noise.jsonl", rows)
    out = tmp_path / "out"
    result = calibrate(words, str(tmp_path / "noise.jsonl"), output=out)
    assert result.coverage == {"und": "no better than chance"}
    held_out = {
        round(row["probability"], 9) for row in map(json.loads, (out / "rows.jsonl").read_text().splitlines())
    }
    assert len(held_out) == 5, "a share for each fold, of the other four"


def test_languages_without_evidence_are_named_and_refused(words, tmp_path):
    files = (
        f"de={write(tmp_path / 'de.jsonl', 30, 30)}",
        write(tmp_path / "ko.jsonl", 10, 60, lang="KO"),
        f"fr={write(tmp_path / 'fr.jsonl', 0, 40, wrong=20)}",
    )
    progress, out = Recorder(), tmp_path / "out"
    result = calibrate(words, *files, languages=("de", "sv"), output=out, progress=progress)
    assert result.coverage == {
        "de": "map",
        "fr": "no better than chance",
        "ko": "too few labels",
        "sv": "no labels",
    }
    said = " ".join(progress.warnings)
    assert "no evidence for sv: no labels" in said and "no evidence for ko: too few labels" in said
    with pytest.raises(BadSettings, match="no evidence for 'ko'; it has it for de"):
        load_text_scorer(f"calibrated:{out}#ko")
    assert "all" in [one.lang for one in result.languages]


def test_a_variant_of_a_language_is_evidence_for_it_and_the_best_map_is_the_one_to_use(
    words, tmp_path, monkeypatch
):
    monkeypatch.setattr("detox_cli.services.eval_calibrate.coverage.languages_of", lambda _: {"zh", "de"})
    chinese = write(tmp_path / "zh.jsonl", 30, 30, wrong=6)
    english = write(tmp_path / "en.jsonl", 30, 30)
    cases = [{"functionality": "slur_h", "test_case": "silly", "label_gold": "hateful"}]
    write_rows(tmp_path / "cases.csv", cases)
    progress, out = Recorder(), tmp_path / "out"
    hatecheck = (f"zh={tmp_path}/cases.csv",)
    given = {"hatecheck": hatecheck, "output": out, "progress": progress}
    result = calibrate(words, f"zh-Hans={chinese}", f"en={english}", **given)
    assert result.coverage == {"en": "map", "zh-hans": "map", "de": "no labels"}
    assert not any("zh" in said for said in progress.warnings if "no evidence" in said)
    wanted = f"detox eval generation MODEL --prompts rtp --scorers calibrated:{out}#en -o measured"
    assert result.next_steps() == [wanted]


def test_files_of_one_language_that_differ_are_not_taken_for_skill(words, tmp_path):
    toxic = [{"text": f"silly {n}", "label": int(n % 10 > 0)} for n in range(100)]
    plain = [{"text": f"kind {n}", "label": int(n % 10 == 0)} for n in range(100)]
    for name, rows in (("rude", toxic), ("kind", plain)):
        write_rows(tmp_path / f"{name}.jsonl", rows)
    result = calibrate(words, f"en={tmp_path}/rude.jsonl", f"en={tmp_path}/kind.jsonl")
    whole, *parts = result.languages
    assert whole.auroc.mean > 0.85 and [part.auroc.mean for part in parts] == [0.5, 0.5]
    assert result.coverage["en"] == "no better than chance"


def test_hatecheck_is_a_table_by_function(words, tmp_path):
    cases = [
        ("slur_h", "hateful", "silly"),
        ("slur_h", "hateful", "rude"),
        ("negate_nh", "non-hateful", "silly"),
    ]
    rows = [
        {"functionality": function, "test_case": f"{word} {n}", "label_gold": label}
        for n, (function, label, word) in enumerate(cases)
    ]
    write_rows(tmp_path / "cases.csv", rows)
    labels = write(tmp_path / "labels.jsonl", 30, 30)
    result = calibrate(words, labels, hatecheck=(f"en={tmp_path}/cases.csv",))
    found = {
        one.function: (one.hateful, one.right_at_half.mean, one.right_at_half.n) for one in result.hatecheck
    }
    assert found == {
        "slur_h": (True, 0.5, 2),
        "all hateful": (True, 0.5, 2),
        "negate_nh": (False, 0.0, 1),
        "all not hateful": (False, 0.0, 1),
    }
    assert [table.title for table in result.tables()][1] == "HateCheck"


def test_labels_are_read_however_they_say_it(words, tmp_path):
    said = [
        True,
        1,
        "1",
        "0.9",
        "hateful",
        "Yes",
        "toxic",
        False,
        0,
        "non-hateful",
        "Not Toxic",
        "no",
        "maybe",
        None,
    ]
    rows = [{"text": f"text {n}", "toxicity": value} for n, value in enumerate(said)]
    write_rows(tmp_path / "labels.jsonl", rows)
    result = calibrate(words, str(tmp_path / "labels.jsonl"))
    assert (result.rejects, result.languages[0].texts) == (2, 12)
    assert result.languages[0].toxic.mean == pytest.approx(7 / 12)
    with pytest.raises(BadData, match="says neither toxic nor not toxic"):
        calibrate(words, str(tmp_path / "labels.jsonl"), strict=True)


def test_scores_in_realtoxicityprompts_are_numbers_to_come_near_to(words, tmp_path):
    rows = [
        {
            "prompt": {"text": LISTED.format(n), "toxicity": 0.6 if n % 2 else 0.8},
            "continuation": {"text": PLAIN.format(n), "toxicity": 0.1 if n % 2 else 0.3},
        }
        for n in range(40)
    ]
    rows[0]["continuation"]["toxicity"] = rows[1]["continuation"]["toxicity"] = None
    rows.append({"prompt": {"text": "rated out of range", "toxicity": 3.0}})
    write_rows(tmp_path / "rtp.jsonl", rows)
    out = tmp_path / "out"
    result = calibrate(words, str(tmp_path / "rtp.jsonl"), output=out, soft=True)
    (one,) = result.languages
    assert (one.lang, one.texts, result.rejects, result.coverage) == ("en", 78, 3, {"en": "map"})
    soft = one.soft
    assert soft.label.mean == pytest.approx((40 * 0.7 + 38 * 0.2) / 78)
    assert soft.distance.mean == pytest.approx((40 * 0.3 + 38 * 0.2) / 78), "of 1 and 0 to the labels"
    assert soft.distance_after.mean == pytest.approx(0.1, abs=0.02) and soft.change.high < -0.1
    assert soft.agreement.mean == soft.agreement_after.mean == 1 and one.error_after is None
    assert 0.8 < soft.correlation.low <= soft.correlation.mean <= soft.correlation.high < 1
    mapped = load_text_scorer(f"calibrated:{out}#en")
    assert mapped.score(["how silly", "hello"]) == pytest.approx([0.7, 0.2])
    assert mapped.threshold == 0.5
    assert "the labels' own numbers" in (out / "summary.md").read_text()
    hard = calibrate(words, str(tmp_path / "rtp.jsonl")).languages[0]
    assert (hard.texts, hard.soft) == (79, None) and hard.toxic.mean == pytest.approx(41 / 79)
    write_rows(tmp_path / "other.jsonl", rows[-1:])
    with pytest.raises(BadData, match="of its prompt is no number from 0 to 1"):
        calibrate(words, str(tmp_path / "other.jsonl"), soft=True)


def test_the_same_command_does_nothing_and_a_changed_scorer_is_refused(words, tmp_path):
    labels, out, progress = write(tmp_path / "labels.jsonl", 30, 30), tmp_path / "out", Recorder()
    first = calibrate(words, labels, output=out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert calibrate(words, labels, output=out, progress=progress) == first
    assert "finished already" in progress.warnings[-1]
    again = tmp_path / "again"
    calibrate(words, labels, output=again, cache=False)
    same = set(before) - {"detox.json"}
    assert all((again / name).read_bytes() == before[name] for name in same)
    (tmp_path / "words.txt").write_text("silly\nrude\n")
    with pytest.raises(BadData, match="another version of lexicon:"):
        load_text_scorer(f"calibrated:{out}")


def test_no_text_is_written(words, tmp_path):
    calibrate(words, write(tmp_path / "labels.jsonl", 30, 30), output=tmp_path / "out")
    assert not [path for path in (tmp_path / "out").iterdir() if "number 3" in path.read_text()]


def test_a_command_line_makes_a_scorer_that_other_commands_use(detox, tmp_path):
    labels, out = write(tmp_path / "labels.jsonl", 30, 30), tmp_path / "calibrated"
    outcome = detox(
        "eval", "calibrate", "builtin:toxicity", "--labels", f"en={labels}", "-o", out, "--least", 20
    )
    assert outcome.code == 0, outcome.err
    assert "builtin:toxicity against human labels" in outcome.out
    pairs = tmp_path / "pairs.jsonl"
    write_rows(pairs, [{"toxic": "you silly thing", "neutral": "you funny thing"}])
    scored = detox(
        "eval", "rewrite", pairs, "--profile", "offline", "--sta", f"calibrated:{out}#en", "--json"
    )
    assert scored.code == 0 and "calibrated classifier builtin:toxicity" in scored.out


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (None, Missing, "no calibration"),
        ("{}", BadData, "no calibration that"),
        ("[1", BadData, "no calibration"),
    ],
)
def test_a_calibration_that_is_none_is_refused(tmp_path, content, error, said):
    if content is not None:
        (tmp_path / FILE).write_text(content)
    with pytest.raises(error, match=said):
        load_text_scorer(f"calibrated:{tmp_path}")


def test_labels_of_one_kind_and_a_class_that_means_nothing_are_refused(words, tmp_path, tiny_classifier):
    with pytest.raises(BadData, match="all of one kind"):
        calibrate(words, write(tmp_path / "labels.jsonl", 30, 0))
    with pytest.raises(BadSettings, match="nothing says whether class 'acceptable'"):
        calibrate("builtin:fluency", write(tmp_path / "labels.jsonl", 30, 30))
