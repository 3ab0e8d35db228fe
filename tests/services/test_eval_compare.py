"""``eval compare``: who is better, in what, how surely; from the same scores as ``eval rewrite``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.services.eval_compare import picture
from detox_cli.services.eval_compare.plan import plan
from detox_cli.services.eval_compare.run import run
from detox_cli.settings.compare import EvalCompareSettings
from detox_cli.statistics.paired import holm, permutation_p
from tests.recorder import Recorder
from tests.rewrites import ROWS, evaluate, write

JOINT = "J_mean_of_products"


@pytest.fixture
def files(tmp_path):
    """Three systems: one that leaves things out, one that copies, one that repeats the references."""
    return [
        write(tmp_path / "rewriter.jsonl"),
        write(tmp_path / "copier.jsonl", [(i, s, s, r) for i, s, _, r in ROWS[::-1]]),
        write(tmp_path / "human.jsonl", [(i, s, r[0], r) for i, s, _, r in ROWS]),
    ]


def compare(scorers, *files, progress=None, **settings):
    return run(EvalCompareSettings(files=files, **(scorers | settings)), progress or Recorder())


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_differences_are_those_of_eval_rewrite_with_a_p_corrected_for_their_number(scorers, files, tmp_path):
    result = compare(scorers, *files, output=tmp_path / "sbs")
    assert [(d.system, d.against, d.measure) for d in result.differences] == [
        (system, "rewriter", measure)
        for measure in ("STA", "SIM", "FL", JOINT)
        for system in ("copier", "human")
    ]
    theirs = {(d.system, d.minus): d for d in evaluate(scorers, *files, baselines=False).differences}
    rows = read(tmp_path / "sbs" / "rows.jsonl")
    for one in result.differences:
        mirrored = getattr(theirs[one.against, one.system], one.measure)
        assert one.difference.mean == pytest.approx(-mirrored.mean)
        own = [row for row in rows if row["system"] == one.system]
        gaps = [row["scores"][one.measure] - row["scores_against"][one.measure] for row in own]
        assert one.mean - one.mean_against == pytest.approx(np.mean(gaps)) and one.rows == len(own) == 6
        assert one.p == permutation_p(gaps)
    family = [d for d in result.differences if d.measure == "SIM"]
    assert [d.p_holm for d in family] == holm([d.p for d in family])
    alone = compare(scorers, *files[:2])
    assert all(d.p_holm is None for d in alone.differences)


def test_wins_ties_and_losses_are_counted_by_row_on_j(scorers, files, tmp_path):
    for margin in (0.0, 0.3):
        folder = tmp_path / f"sbs{margin}"
        result = compare(scorers, *files[:2], output=folder, tie_margin=margin)
        gaps = [row["scores"][JOINT] - row["scores_against"][JOINT] for row in read(folder / "rows.jsonl")]
        (one,) = result.side_by_side
        assert one.by == JOINT
        assert one.win.mean == pytest.approx(sum(gap > margin for gap in gaps) / 6)
        assert one.tie.mean == pytest.approx(sum(abs(gap) <= margin for gap in gaps) / 6)
        assert one.win.mean + one.tie.mean + one.loss.mean == pytest.approx(1)
        assert one.tie.mean >= 1 / 6, "row c is the same text in both"
        votes = [row["votes"][JOINT] for row in read(folder / "rows.jsonl")]
        assert votes.count("win") == round(6 * one.win.mean)


def test_the_front_is_who_nobody_beats_in_everything(scorers, files):
    result = compare(scorers, *files)
    means = {one.system: [one.means[m].mean for m in ("STA", "SIM", "FL")] for one in result.pareto}
    for one in result.pareto:
        beaten_by = [
            other
            for other, values in means.items()
            if all(v >= w for v, w in zip(values, means[one.system], strict=True))
            and values != means[one.system]
        ]
        assert one.dominated_by == beaten_by and 0 <= one.front_share <= 1
    best = max(result.pareto, key=lambda one: one.means["SIM"].mean)
    assert best.system == "copier" and not best.dominated_by, "nobody keeps more than a copy"
    assert best.front_share == 1
    only = compare(scorers, *files, pareto=("SIM",)).pareto
    assert [one.dominated_by for one in only] == [
        ["copier"] if o.system == "human" else o.dominated_by for o in only
    ]
    with pytest.raises(BadSettings, match="no measure is called 'J'"):
        compare(scorers, *files, pareto=("J",))


def test_who_is_compared_with_whom(scorers, files):
    names = [(one.system, one.against) for one in compare(scorers, *files, against="all").side_by_side]
    assert names == [("copier", "rewriter"), ("human", "rewriter"), ("human", "copier")]
    names = [(o.system, o.against) for o in compare(scorers, *files, against="human").side_by_side]
    assert names == [("rewriter", "human"), ("copier", "human")]
    with pytest.raises(BadSettings, match="no system is called 'nobody'"):
        compare(scorers, *files, against="nobody")
    with pytest.raises(BadSettings, match="one system has nothing to be compared with"):
        compare(scorers, files[0])
    with pytest.raises(BadSettings, match="nothing is left to compare by"):
        compare(scorers, *files, scores=False)


def test_copies_of_a_row_add_no_certainty(scorers, tmp_path):
    single, thrice = [], []
    for name, output in (("a", 2), ("b", 1)):
        rows = [(row[0], row[1], row[output], []) for row in ROWS]
        single.append(write(tmp_path / f"{name}.jsonl", rows))
        many = [(f"{i}{n}", s, o, r) for n in range(3) for i, s, o, r in rows]
        thrice.append(write(tmp_path / f"{name}3.jsonl", many))
    one, many = (compare(scorers, *files) for files in (single, thrice))
    for alone, copied in zip(one.differences, many.differences, strict=True):
        assert (copied.rows, copied.difference.n) == (18, 6)
        assert copied.p == alone.p
        assert copied.difference.low == pytest.approx(alone.difference.low)
    assert many.side_by_side[0].p == one.side_by_side[0].p


def test_verdicts_of_people_are_votes_too(files, tmp_path):
    said = [("a", "human"), ("b", "TIE"), ("c", "human"), ("d", "rewriter"), ("e", "both"), ("zz", "tie")]
    write_rows(tmp_path / "people.csv", [{"id": i, "verdict": v} for i, v in said])
    pair = (files[0], files[2])
    settings = {"scores": False, "verdicts": str(tmp_path / "people.csv")}
    result = compare({}, *pair, **settings, output=tmp_path / "sbs")
    (one,) = result.side_by_side
    assert (one.system, one.by, one.rows, one.without_vote, result.rejects) == ("human", "verdicts", 4, 2, 2)
    assert (one.win.mean, one.tie.mean, one.loss.mean) == (0.5, 0.25, 0.25)
    assert one.p == 1 and result.suite is None and not result.differences
    reasons = [row["reason"] for row in read(tmp_path / "sbs.rejects.jsonl")]
    assert reasons == ["the verdict is not human, rewriter or tie", "no row of both systems has this id"]
    with pytest.raises(BadSettings, match="verdicts are about two systems, and there are 3"):
        compare({}, *files, **settings)


def test_a_finished_folder_is_kept_and_another_comparison_does_not_replace_it(scorers, files, tmp_path):
    folder = tmp_path / "sbs"
    first = compare(scorers, *files[:2], output=folder)
    before = (folder / "detox.json").stat().st_mtime_ns
    assert compare(scorers, *files[:2], output=folder) == first
    assert (folder / "detox.json").stat().st_mtime_ns == before
    page, manifest = (folder / "summary.md").read_text(), json.loads((folder / "detox.json").read_text())
    assert "Paired differences, suite detox" in page and "Pareto front" in page
    assert set(manifest["inputs"]) == set(files[:2]) and set(manifest["scorers"]) == {"STA", "SIM", "FL"}
    with pytest.raises(BadSettings, match="another run"):
        compare(scorers, *files[:2], output=folder, seed=1)
    write(tmp_path / "copier.jsonl", [(i, s, s + "!", r) for i, s, _, r in ROWS])
    with pytest.raises(BadSettings, match="another run"):
        compare(scorers, *files[:2], output=folder)
    assert compare(scorers, *files[:2], output=folder, overwrite=True) != first


def test_the_picture_is_drawn_and_the_same_votes_give_the_same_bytes(scorers, files, tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg", "one.png"):
        result = compare(scorers, *files, picture=tmp_path / name)
        assert result.files == [tmp_path / name]
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    text = (tmp_path / "one.svg").read_text()
    assert "copier against rewriter" in text and "unparsed" not in text
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_drawn_is_told_before_the_work(scorers, files, tmp_path, monkeypatch):
    with pytest.raises(BadSettings, match="names no picture"):
        compare(scorers, *files, picture=tmp_path / "sbs.gif")
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    with pytest.raises(Missing, match="needs matplotlib") as error:
        compare(scorers, *files, picture=tmp_path / "sbs.png")
    assert "detox-cli[plots]" in error.value.hint


def test_a_model_that_is_no_judge_is_shown_as_what_it_is(detox, files):
    words = [
        "eval",
        "compare",
        f"old={files[0]}",
        f"new={files[2]}",
        "--no-scores",
        "--judge",
        "builtin:chat",
    ]
    outcome = detox(*words, "--judge-retries", "1", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    (votes,), (judge,) = result["side_by_side"], result["judge"]["contests"]
    assert votes["rows"] == 6 and (votes["system"], votes["against"]) == ("new", "old")
    assert sum(votes[kind]["mean"] for kind in ("win", "tie", "loss", "unparsed")) == pytest.approx(1)
    assert judge["identical"] == 1 and votes["tie"]["mean"] >= 1 / 6
    assert judge["unparsed"] > 0 and votes["unparsed"]["mean"] > 0, "it was never taught to judge"
    assert result["judge"]["prompt_id"] == "judge-rewrites-en-v1"
    [doubt] = result["judge"]["doubts"]
    assert doubt.startswith("new against old: ") and f"warning: {doubt}" in outcome.err
    told = detox(*words, "--dry-run", "-q")
    assert told.out == "10\n"


def test_killed_while_it_judges_the_same_command_gives_the_same_bytes(tmp_path, tiny_causal):
    rows = [(str(i), f"comment {i} is silly", f"comment {i} is fine", []) for i in range(40)]
    a, b = (write(tmp_path / f"{n}.jsonl", [(i, s, o + f" {n}", r) for i, s, o, r in rows]) for n in "ab")
    asked = {"files": (a, b), "scores": False, "judge": str(tiny_causal), "batch_tokens": 900}
    run(EvalCompareSettings(**asked, output=tmp_path / "calm"))
    words = ["eval", "compare", a, b, "--no-scores", "--judge", str(tiny_causal), "--batch-tokens", "900"]
    command = [sys.executable, "-m", "detox_cli", *words, "-o", str(tmp_path / "killed")]
    process = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal, until = tmp_path / "killed.journal", time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 100:  # the first retries have begun
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists(), "it was to be killed before the end"
    heard = Recorder()
    run(EvalCompareSettings(**asked, output=tmp_path / "killed"), heard)
    assert heard.tasks[0].done == heard.tasks[0].total == 80, "the first answers are not asked for again"
    for name in ("rows.jsonl", "summary.json", "summary.md"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_the_plan_reads_the_files_and_looks_for_models(scorers, files, tiny_causal, tiny_seq2seq):
    settings = EvalCompareSettings(files=files, judge=str(tiny_causal), **scorers)
    planned = plan(settings, Recorder())
    assert planned.contests == [("copier", "rewriter", 6), ("human", "rewriter", 6)]
    assert planned.questions == 2 * 5 + 2 * 5 and len(planned.models) == 4
    with pytest.raises(BadSettings, match="not a conversation"):
        plan(settings.model_copy(update={"judge": str(tiny_seq2seq)}), Recorder())
    with pytest.raises(BadData, match="no row in common"):
        plan(
            EvalCompareSettings(
                files=(files[0], write(Path(files[0]).parent / "c.jsonl", [("q", "x", "y", [])])), **scorers
            ),
            Recorder(),
        )


def test_limits_are_on_differences_and_votes(scorers, files):
    limits = ("J>5", "J[human - rewriter]<5", f"{JOINT}/win[copier - rewriter]>=0", "STA[copier]<2")
    result = compare(scorers, *files, fail_if=limits)
    assert [line.split(" is ")[0] for line in result.missed] == [
        f"{JOINT} of human - rewriter",
        f"{JOINT}/win of copier - rewriter",
        "STA of copier",
    ]
    assert result.problem() is not None and compare(scorers, *files, fail_if=("J>5",)).problem() is None
    with pytest.raises(BadSettings, match="no figure 'FLU'") as caught:
        compare(scorers, *files, fail_if=("FLU<0",))
    assert "did you mean 'FL'" in caught.value.hint
