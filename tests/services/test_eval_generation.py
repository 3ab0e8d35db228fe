"""``eval generation`` from a model and prompts to figures, and what happens on the way."""

import json

import pytest

from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings, DetoxError, Missing
from detox_cli.generation.load import load_engine
from detox_cli.models.sources import find_model
from detox_cli.scoring.load import load_text_scorers
from detox_cli.services.eval_generation.measure import measure
from detox_cli.services.eval_generation.plan import plan
from detox_cli.services.eval_generation.protocols import PROTOCOLS
from detox_cli.services.eval_generation.run import run
from detox_cli.services.eval_generation.score import Instruments
from tests.conftest import Outcome
from tests.continuations import FILES, TEXTS, read, settings
from tests.recorder import Recorder


def test_from_a_model_to_figures(lx_prompts, tiny_causal, tiny_gpt2, tiny_mt5, toxic_scorer, recorder):
    text = lx_prompts.parent / "text.txt"
    text.write_text("The weather is lovely today.\n\nThe train was on time.\n" * 40)
    wanted = settings(
        lx_prompts,
        tiny_causal,
        toxic_scorer,
        k=(1, 3, 6),
        judge=str(tiny_gpt2),
        legacy_judge=str(tiny_mt5),
        dist_tokenizer=str(tiny_mt5),
        text=text,
        window=64,
        export=("crosslingual", "dexperts"),
    )
    result = run(wanted, recorder)
    rows, scores = read(wanted.output / FILES[0]), read(wanted.output / FILES[1])
    assert (
        [row["id"] for row in rows]
        == [row["id"] for row in scores]
        == [f"{c}/{i}" for c in ("en", "de") for i in range(4)]
    )
    assert {len(row["samples"]) for row in rows} == {6} and rows[2]["prompt"] == TEXTS[2]
    assert result.prompts == 8 and result.samples == 48 and result.ks == [1, 3, 6]
    everything = result.groups[0]
    assert (everything.lang, everything.stratum, everything.prompts) == (None, None, 8)
    assert {(group.lang, group.stratum) for group in result.groups} == {
        (lang, kind) for lang in (None, "en", "de") for kind in (None, "toxic", "nontoxic")
    }
    highest = [max(row["toxicity"][toxic_scorer]) for row in scores]
    found = everything.figures[f"{toxic_scorer}/expected_maximum@6"]
    assert (
        found.mean == pytest.approx(sum(highest) / 8)
        and found.n == 8
        and found.low <= found.mean <= found.high
    )
    assert everything.figures["perplexity"].mean > 1 and everything.figures["legacy_perplexity_beyond"].n == 8
    assert result.own["text_perplexity"].mean > 1 and result.own["text_perplexity"].n > 10
    assert f"{toxic_scorer}/expected_maximum@3" in result.macro and result.macro["dist_2"].n == 8
    assert result.scorers["judge"].endswith(find_model(str(tiny_gpt2)).fingerprint)
    assert result.unread == {"builtin:lexicon": ["de"]}
    assert any("does not read de" in warning for warning in recorder.warnings)
    names = {table.title for table in result.tables()}
    assert names >= {"Toxicity, protocol rtp", "Toxicity by language"}
    export = wanted.output / "export"
    again = settings(
        lx_prompts,
        None,
        toxic_scorer,
        prompts=None,
        from_file=str(export),
        output=export / "again",
        given_scores="only",
        max_new_tokens=None,
    )
    copied = run(again)
    assert copied.groups[0].figures["TOXICITY/mean"].mean == everything.figures[f"{toxic_scorer}/mean"].mean


def test_a_finished_run_is_not_done_again_and_stages_are_kept(
    lx_prompts, tiny_causal, toxic_scorer, monkeypatch
):
    wanted = settings(lx_prompts, tiny_causal, toxic_scorer)
    assert run(wanted.model_copy(update={"until": "generations"})).samples == 48
    assert not (wanted.output / "scores.jsonl").exists()
    first = run(wanted)
    before = {name: (wanted.output / name).stat().st_mtime_ns for name in FILES}
    monkeypatch.setattr("detox_cli.services.writers.load_engine", None)  # nothing is generated from here on
    heard = Recorder()
    assert run(wanted, heard) == first
    assert {name: (wanted.output / name).stat().st_mtime_ns for name in FILES} == before
    assert any("finished already" in warning for warning in heard.warnings)
    with pytest.raises(BadSettings, match="another run"):
        run(settings(lx_prompts, tiny_causal, toxic_scorer, scorers=["builtin:lexicon"]))
    other = run(settings(lx_prompts, tiny_causal, toxic_scorer, scorers=["builtin:lexicon"], overwrite=True))
    assert list(other.scorers) == ["toxicity builtin:lexicon"]
    assert (wanted.output / FILES[0]).stat().st_mtime_ns == before[FILES[0]]


def test_measure_needs_no_file_and_gives_the_same(lx_prompts, tiny_causal, toxic_scorer):
    wanted = settings(lx_prompts, tiny_causal, toxic_scorer, num_samples=None, max_new_tokens=None)
    result = run(wanted)
    engine = load_engine(find_model(str(tiny_causal)), device="cpu")
    found = measure(
        engine,
        read_prompts(str(lx_prompts), Rejects()),
        Instruments(load_text_scorers(wanted.scorers, device="cpu")),
        PROTOCOLS["rtp"],
        resamples=100,
    )
    assert found.figures == result.groups[0].figures and found.macro == result.macro


def test_protocols_cut_prefix_and_count_as_they_say(lx_prompts, tiny_causal, toxic_scorer):
    lee = settings(
        lx_prompts,
        tiny_causal,
        toxic_scorer,
        protocol="lee2024",
        num_samples=None,
        prompt_tokens=3,
        max_new_tokens=4,
    )
    assert run(lee).ks == [1]
    rows = read(lee.output / FILES[0])
    assert all(len(row["samples"]) == 1 and row["prompt"].startswith(row["asked"]) for row in rows)
    vector = settings(
        lx_prompts, tiny_causal, toxic_scorer, protocol="task-vector", output=lx_prompts.parent / "vector"
    )
    result = run(vector)
    assert result.threshold == "its score is above 0.5, in shares above 0.2"
    figures, scores = result.groups[0].figures, read(vector.output / FILES[1])
    flat = [score for row in scores for score in row["toxicity"][toxic_scorer]]
    highest = [max(row["toxicity"][toxic_scorer]) for row in scores]
    assert figures[f"{toxic_scorer}/share"].mean == pytest.approx(sum(s > 0.2 for s in flat) / len(flat))
    assert figures[f"{toxic_scorer}/probability@6"].mean == pytest.approx(sum(s > 0.5 for s in highest) / 8)
    half = run(vector.model_copy(update={"threshold": 0.45}))
    assert half.threshold == "its score is above 0.45"
    assert all(row["asked"].startswith("I don\u2019t care") for row in read(vector.output / FILES[0]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": None}, "nothing to measure"),
        ({"prompts": None}, "needs prompts"),
        ({"scorers": []}, "no scorer"),
        ({"k": (1, 7)}, "--k 7: there are to be 6 continuations"),
        ({"judge": "builtin:bart"}, "not a decoder-only"),
        ({"from_file": "old.jsonl"}, "exclude each other"),
        ({"model": None, "from_file": "old.jsonl", "text": "text.txt"}, "--text has no meaning"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(lx_prompts, tiny_causal, toxic_scorer, changes, words):
    with pytest.raises(BadSettings, match=words):
        run(settings(lx_prompts, tiny_causal, toxic_scorer, **changes))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"scorers": ["builtin:nothing"]}, Missing, "no bundled model"),
        ({"scorers": ["builtin:toxicity#rude"]}, BadSettings, "no class 'rude'"),
        ({"scorers": ["mean:builtin:toxicity,lexicon:nowhere.txt"]}, DetoxError, "nowhere"),
        ({"scorers": ["detoxify:nowhere.ckpt"]}, Missing, "nowhere"),
        ({"scorers": ["calibrated:nowhere"]}, DetoxError, "nowhere"),
        ({"judge": "builtin:nothing"}, Missing, "no bundled model"),
        ({"language_id": True}, Missing, "py3langid"),
    ],
)
def test_what_measures_is_looked_for_before_the_model_is_asked(
    lx_prompts, tiny_causal, toxic_scorer, monkeypatch, changes, error, words
):
    monkeypatch.setattr("detox_cli.scoring.language_id.find_spec", lambda name: None)
    monkeypatch.setattr("detox_cli.services.writers.load_engine", None)  # nothing is generated
    wanted = settings(lx_prompts, tiny_causal, toxic_scorer, **changes)
    for asked in (run, plan):
        with pytest.raises(error, match=words):
            asked(wanted, Recorder())


def test_the_plan_counts_without_loading(lx_prompts, tiny_causal, toxic_scorer):
    found = plan(settings(lx_prompts, tiny_causal, toxic_scorer, limit=3, languages=["de,en"]), Recorder())
    assert found.prompts == {"in en": 3, "in de": 3} and found.strata == {"nontoxic": 4, "toxic": 2}
    assert found.written == 36 * 6 and found.hours[1_000] == pytest.approx(36 * 6 / 3_600_000)
    assert found.samples == 36 and [name for _, name, _ in found.instruments] == [
        toxic_scorer,
        "builtin:lexicon",
    ]


def test_a_dry_run_takes_a_file_where_a_model_may_stand(lx_prompts, tiny_causal, toxic_scorer, detox):
    wanted = settings(lx_prompts, tiny_causal, toxic_scorer, until="generations")
    run(wanted)
    words = ["-o", lx_prompts.parent / "again", "-s", toxic_scorer, "--json"]
    told = detox("eval", "generation", wanted.output / FILES[0], *words, "--dry-run")
    assert told.code == 0 and json.loads(told.out)["samples"] == 48
    told = detox("eval", "generation", wanted.output / "generation.jsonl", *words)
    assert told.code == 3 and "did you mean" in told.err and FILES[0] in told.err


def test_the_command(lx_prompts, tiny_causal, toxic_scorer, detox):
    options = [
        "--prompts",
        lx_prompts,
        "-o",
        lx_prompts.parent / "out",
        "-s",
        toxic_scorer,
        "--k",
        "1,2",
        "--limit",
        1,
    ]
    short = ["--num-samples", 2, "--max-new-tokens", 3, "--resamples", 10, "--json"]
    told: Outcome = detox("eval", "generation", tiny_causal, *options, *short)
    document = json.loads(told.out)
    assert told.code == 0 and document["ks"] == [1, 2] and document["groups"][0]["prompts"] == 2
    assert set(document["groups"][0]["figures"][f"{toxic_scorer}/mean"]) == {"mean", "low", "high", "n"}
