"""``eval generation`` on bad input, and after it was stopped: counted, named, gone on with, nothing lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.runs.journal import Journal
from detox_cli.services.eval_generation.run import run
from detox_cli.settings.eval_generation import EvalGenerationSettings
from tests.continuations import FILES, flat, read, settings
from tests.recorder import Recorder
from tests.tiny_encoders import save_classifier

SLOW = """
import sys, time
from detox_cli.__main__ import main
from detox_cli.runs.journal import Journal

append = Journal.append

def slowly(journal, record):
    append(journal, record)
    time.sleep(0.3)

Journal.append = slowly
sys.argv[0] = "detox"
main()
"""


class Stopped(BaseException):
    """As abrupt as a process can be stopped from inside."""


def test_a_killed_run_goes_on_to_the_same_bytes(lx_prompts, tiny_causal, toxic_scorer, monkeypatch):
    monkeypatch.setattr("detox_cli.services.eval_generation.score.TEXTS_AT_ONCE", 50)
    changes = {"num_samples": 25, "batch_tokens": 1000, "kl_to": str(tiny_causal)}
    whole = settings(lx_prompts, tiny_causal, toxic_scorer, **changes)
    run(whole)
    target = whole.model_copy(update={"output": lx_prompts.parent / "killed"})
    append = Journal.append

    def stops(journal: Journal, record: dict) -> None:
        append(journal, record)
        if len(journal) == 3:
            raise Stopped

    monkeypatch.setattr(Journal, "append", stops)
    for _ in FILES[:2]:  # each stage is stopped once
        with pytest.raises(Stopped):
            run(target)
        monkeypatch.setattr(Journal, "append", append)
        run(target.model_copy(update={"until": "generations"}))
        monkeypatch.setattr(Journal, "append", stops)
    monkeypatch.setattr(Journal, "append", append)
    result = run(target)
    for name in FILES:
        assert (target.output / name).read_bytes() == (whole.output / name).read_bytes()
    assert result.groups == run(whole).groups


def kill(words: list[object], journal: Path, rows: int) -> None:
    """Start a slow ``eval generation`` and kill it once its journal has so many lines."""
    command = [sys.executable, "-c", SLOW, "eval", "generation", *map(str, words), "--device", "cpu"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= rows):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert journal.exists() and not journal.with_suffix("").exists()


def test_generating_that_is_killed_leaves_what_it_has(lx_prompts, tiny_causal, toxic_scorer, monkeypatch):
    changes = {"num_samples": 5, "batch_tokens": 100, "until": "generations"}
    whole = settings(lx_prompts, tiny_causal, toxic_scorer, **changes)
    run(whole)
    target = lx_prompts.parent / "killed"
    words = [tiny_causal, "--prompts", lx_prompts, "-o", target, "-s", toxic_scorer, "-s", "builtin:lexicon"]
    words += ["--num-samples", 5, "--batch-tokens", 100, "--max-new-tokens", 6, "--until", "generations"]
    journal = target / f"{FILES[0]}.journal"
    kill(words, journal, 4)
    kept = journal.read_bytes()
    append, written = Journal.append, []
    monkeypatch.setattr(Journal, "append", lambda own, row: (written.append(row["id"]), append(own, row)))
    run(whole.model_copy(update={"output": target}))
    assert len(written) + kept.count(b"\n") - 1 == 8, "what was there is not generated again"
    assert 3 <= kept.count(b"\n") - 1 < 8, "killed in the middle"
    assert (target / FILES[0]).read_bytes() == (whole.output / FILES[0]).read_bytes()


def test_scoring_that_is_killed_leaves_what_it_has(lx_prompts, tiny_causal, toxic_scorer):
    whole = settings(lx_prompts, tiny_causal, toxic_scorer, num_samples=25)
    run(whole)
    target, source = lx_prompts.parent / "killed", str(whole.output / FILES[0])
    words = ["--from", source, "-o", target, "--resamples", 100, "--k", 25]
    kill([*words, "-s", toxic_scorer, "-s", "builtin:lexicon"], target / f"{FILES[1]}.journal", 3)
    changes = {"model": None, "from_file": source, "prompts": None, "max_new_tokens": None}
    run(whole.model_copy(update={**changes, "output": target, "k": (25,)}))
    assert (target / FILES[1]).read_bytes() == (whole.output / FILES[1]).read_bytes()


class Refuses:
    """A scorer that fails on one text, in whatever company it comes, and knows no number for another."""

    identity, meaning = "a test's own", "toxic"

    def score(self, texts):
        if "bad" in texts:
            raise ValueError("this text breaks the scorer")
        return [float("nan") if text == "odd" else len(text) / 100 for text in texts]

    def too_long(self, texts):
        return 0


def test_bad_input_is_counted_named_and_not_lost(tmp_path, monkeypatch):
    rows = [(f"prompt {i}", text) for i in range(3) for text in ("one", "two\u2028lines", "three")]
    rows += [("prompt 3", text) for text in ("bad", "odd", "")]
    rows += [("prompt 0", text) for text in ("four", "five", "six")]  # the same prompt a second time
    source = flat(tmp_path / "output-rtp_lx_es.json", [*rows, ("prompt 9", None), (None, "text")])
    prompts = tmp_path / "prompts.jsonl"
    texts = [*(f"prompt {i}" for i in range(4)), "prompt without"]
    prompts.write_text(
        "".join(
            json.dumps({"id": f"p{i}", "text": text, "lang": "es"}) + "\n" for i, text in enumerate(texts)
        )
    )
    monkeypatch.setattr(
        "detox_cli.services.eval_generation.tools.load_text_scorers", lambda names, **_: {"mine": Refuses()}
    )
    wanted = EvalGenerationSettings(
        from_file=source, output=tmp_path / "out", scorers=["builtin:lexicon"], k=(3,), resamples=50
    )
    heard = Recorder()
    result = run(wanted, heard)
    assert (result.prompts, result.samples, result.repeated, result.rejects) == (5, 15, 1, 2)
    assert "2 rows could not be used" in result.tables()[0].caption
    assert result.unscored == {"mine": 2} and result.too_few == {"mine/expected_maximum@3": 1}
    faults = [fault for row in read(tmp_path / "out" / "scores.jsonl") for fault in row.get("faults", [])]
    assert [(fault["sample"], fault["reason"]) for fault in faults] == [
        (0, "this text breaks the scorer"),
        (1, "the scorer gives no number"),
    ]
    assert result.groups[0].figures["mine/mean"].mean == pytest.approx(
        (3 * (3 + 9 + 5) + 4 + 4 + 3) / 100 / 13
    )
    assert result.groups[0].figures["empties"].mean == pytest.approx(1 / 15)
    assert any("more than once" in warning for warning in heard.warnings)
    joined = run(wanted.model_copy(update={"prompts": str(prompts), "output": tmp_path / "joined"}), heard)
    assert joined.unanswered == ["p4"] and joined.prompts == 5
    assert any("no continuation, such as p4" in warning for warning in heard.warnings)
    rejected = read(tmp_path / "joined" / "rejects.jsonl")
    assert [row["reason"] for row in rejected].count("its prompt is not among the prompts") == 1
    with pytest.raises(BadData, match="prompt or generated_text is not text"):
        run(wanted.model_copy(update={"strict": True, "output": tmp_path / "strict"}))


def test_a_prompt_that_the_model_cannot_read_is_counted_and_named(tmp_path, tiny_causal):
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"id": "short", "text": "The weather"}, {"id": "long", "text": "weather " * 600}]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(settings(prompts, tiny_causal, "builtin:lexicon", scorers=["builtin:lexicon"]))
    assert (result.prompts, result.samples, result.unanswered) == (2, 6, ["long"])
    assert "exceed the model's context of 512" in read(tmp_path / "out" / FILES[0])[1]["fault"]
    assert result.groups[0].figures["builtin:lexicon/mean"].n == 1


def test_null_scores_in_a_file_are_no_zeros(tmp_path):
    row = {
        "prompt": {"text": "One"},
        "generations": [{"text": "a b", "toxicity": 0.5}, {"text": "c", "toxicity": None}],
    }
    source = tmp_path / "prompted.jsonl"
    source.write_text(
        json.dumps(row) + "\n" + json.dumps({**row, "prompt": {"text": "Two"}, "generations": []}) + "\n"
    )
    result = run(
        EvalGenerationSettings(
            from_file=str(source),
            output=tmp_path / "out",
            scorers=[],
            given_scores="only",
            k=(1,),
            resamples=20,
        )
    )
    assert result.groups[0].figures["toxicity/mean"].mean == 0.5 and result.unscored == {"toxicity": 1}
    assert result.unanswered == ["2"]
    with pytest.raises(
        BadData, match="no prompt has 2 continuations with a score by toxicity; the most are 1"
    ):
        run(EvalGenerationSettings(from_file=str(source), output=tmp_path / "k", given_scores="only", k=(2,)))


def test_a_broken_scorer_is_an_error_not_thousands_of_faults(tmp_path, monkeypatch):
    class Broken(Refuses):
        identity = "broken"

        def score(self, texts):
            raise RuntimeError("no device")

    source = flat(tmp_path / "flat.jsonl", [("a", "one"), ("b", "two")])
    monkeypatch.setattr(
        "detox_cli.services.eval_generation.tools.load_text_scorers", lambda names, **_: {"mine": Broken()}
    )
    with pytest.raises(RuntimeError, match="no device"):
        run(EvalGenerationSettings(from_file=source, output=tmp_path / "out", scorers=["builtin:lexicon"]))


def test_languages_are_told_apart(tmp_path):
    pytest.importorskip("py3langid")
    rows = [
        ("uno", "El tren llegó tarde y nadie dijo por qué."),
        ("uno", "The train was late and nobody said why."),
    ]
    source = flat(
        tmp_path / "output-rtp_lx_es.json",
        [*rows, ("uno", "No."), ("uno", "?! 123456 \ufffd\ufffd 78901234567")],
    )
    result = run(
        EvalGenerationSettings(
            from_file=source,
            output=tmp_path / "out",
            scorers=["builtin:lexicon"],
            language_id=True,
            resamples=10,
        )
    )
    found = result.groups[0].figures
    assert found["in_language"].mean == pytest.approx(
        1 / 3
    )  # one is too short to tell, one is in no language
    assert found["builtin:lexicon/clean"].mean == pytest.approx(2 / 4)


def test_null_scores_are_counted_and_lower_k_where_nobody_has_more(tmp_path):
    said = [{"text": "g1", "toxicity": 0.4}, {"text": "g2", "toxicity": None}]
    rows = [{"prompt": {"text": f"p{i}", "toxicity": None}, "generations": said} for i in range(2)]
    source = tmp_path / "rtp.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = {"from_file": str(source), "given_scores": "only", "output": tmp_path / "out", "resamples": 10}
    progress = Recorder()
    result = run(EvalGenerationSettings(**chosen), progress)
    assert result.ks == [1] and result.unscored == {"toxicity": 2}
    assert result.groups[0].figures["toxicity/expected_maximum@1"].mean == pytest.approx(0.4)
    assert any("2 of 4 continuations have no score by toxicity" in said for said in progress.warnings)
    with pytest.raises(BadData, match="no prompt has 2 continuations with a score"):
        run(EvalGenerationSettings(**chosen | {"k": [2]}))


def test_a_key_that_lacks_and_members_that_do_not_fit_are_told_before_anything_is_generated(
    lx_prompts, tiny_causal, tmp_path, monkeypatch
):
    monkeypatch.delenv("PERSPECTIVE_API_KEY", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("detox_cli.services.eval_generation.stages.collect", pytest.fail)
    other = save_classifier(tmp_path / "topics", ["sports", "weather"])
    for name, said in {
        "perspective": "wants a key",
        "max:builtin:lexicon,perspective#ANY": "wants a key",
        f"mean:builtin:toxicity,hf:{other}#sports": "cannot join the classes 'toxic' and 'sports'",
        "vote:builtin:lexicon,hf:./nowhere": "nowhere",
    }.items():
        with pytest.raises((Missing, BadSettings), match=said):
            run(settings(lx_prompts, tiny_causal, name))
    assert not (lx_prompts.parent / "out" / "generations.jsonl").exists()
