"""``synth pairs`` with several answers per sentence: choosing, asking again, dropping, and other formats."""

import csv
import json
from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.prompts import PROMPTS
from detox_cli.generation.requests import Completion, Sample
from detox_cli.output.progress import Silent
from detox_cli.services.synth_pairs.run import run
from detox_cli.services.synth_pairs.sources import requests_for
from detox_cli.services.synth_pairs.work import prepare
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.synth import SynthPairsSettings
from tests.recorder import Recorder

SENTENCES = [
    "what a stupid idea , nobody asked for it .",
    "this game is garbage",
    "shut up and read the second page , you silly man .",
    "that was a dumb and useless comment",
    "only a fool would write such a stupid text",
    "he is a damn good player",
    "these idiots broke the damn thing again",
    "thank you for the kind words",
]
SCORERS = {"sta": "builtin:toxicity", "sim": "builtin:similarity", "fl": "builtin:fluency"}


def read(path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def chat(folder: Path, name: str = "pairs.jsonl", **changes: object) -> SynthPairsSettings:
    source = folder / "toxic.jsonl"
    rows = [{"id": f"r{i}", "toxic": text, "references": ["Fine."]} for i, text in enumerate(SENTENCES)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"input": str(source), "output": str(folder / name), "model": "builtin:chat", "limit": None}
    return SynthPairsSettings(**{**given, **SCORERS, **changes})


NO = "I'm sorry, but I can't rewrite this text."
SAID = {
    # sentence: the two answers to the first instruction, the two to the other one
    SENTENCES[0]: ((NO, NO), ("I do not like this idea , nobody asked for it .", NO)),
    SENTENCES[1]: (("this game is bad", "this game is garbage indeed"), ()),
    SENTENCES[2]: ((NO, NO), (NO, NO)),
    SENTENCES[3]: (
        ("that was a dumb and useless comments", "that was a dumb and really useless comment"),
        (),
    ),
}


class Scripted:
    """An engine that says what stands in ``SAID``, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, requests, sampling, done=()):
        for request in requests:
            if request.id not in done:
                self.asked.append(request.id)
                again = request.prompt[0].text == PROMPTS["detox-en-v2"].instruction
                samples = [Sample(text, "stop", 5) for text in SAID[request.prompt[-1].text][again]]
                yield Completion(request.id, request.seed, 9, tuple(samples))


@pytest.fixture
def scripted(tmp_path, monkeypatch) -> tuple[SynthPairsSettings, object, Scripted]:
    """Two answers each, refusals asked again once with the other instruction, two filters."""
    engine = Scripted()
    monkeypatch.setattr(LocalWriter, "load", lambda *_: engine)
    wanted = {"num_candidates": 2, "retries": 1, "retry_prompt": "detox-en-v2", "limit": 4}
    settings = chat(tmp_path, drop=("refusal",), max_chrf=85.0, **wanted)
    return settings, run(settings), engine


def test_the_best_unflagged_answer_is_the_rewrite_and_all_stand_in_the_row(scripted):
    settings, result, _ = scripted
    first, second = read(settings.output)
    assert first["neutral"] == SAID[SENTENCES[0]][1][0] and second["neutral"] == "this game is bad"
    assert [one["text"] for one in second["candidates"]] == list(SAID[SENTENCES[1]][0])
    for row in (first, second):
        assert row["j"] == pytest.approx(row["sta"] * row["sim"] * row["fl"])
        assert row["flags"] == [] and row["prompt_hash"] == PROMPTS[row["prompt_id"]].fingerprint
    assert result.scores["J"].mean == pytest.approx((first["j"] + second["j"]) / 2)
    assert result.scores["J"].n == 2 and result.new_tokens == 12 * 5


def test_only_what_was_refused_altogether_is_asked_again_with_the_other_instruction(scripted):
    settings, result, engine = scripted
    assert engine.asked == ["r0", "r1", "r2", "r3", "r0 (attempt 2)", "r2 (attempt 2)"]
    first, second = read(settings.output)
    assert (first["attempts"], first["prompt_id"]) == (2, "detox-en-v2")
    assert (second["attempts"], second["prompt_id"]) == (1, "detox-en-v1")
    assert (result.refusals.mean, result.refusals.n) == (0.5, 4)
    assert (result.asked_again, result.declined) == (2, 1)


def test_a_dropped_row_says_why(scripted):
    settings, result, _ = scripted
    dropped = {row["id"]: row["dropped"] for row in read(f"{settings.output}.dropped.jsonl")}
    assert dropped == {"r2": ["refusal"], "r3": ["near_copy"]}
    assert result.dropped == {"near_copy": 1, "refusal": 1} and result.dropped_rows == 2


def test_the_filters_by_score_and_by_length(tmp_path, scripted):
    settings, _, _ = scripted
    lenient = settings.model_copy(update={"drop": (), "max_chrf": None, "output": str(tmp_path / "b.jsonl")})
    run(lenient)
    everything = {row["id"]: row for row in read(lenient.output)}
    assert len(everything) == 4 and everything["r2"]["refusal"]
    border = everything["r1"]["toxicity_drop"] + 0.01
    strict = {"min_length": 0.9, "min_toxicity_drop": border, "output": str(tmp_path / "c.jsonl")}
    run(lenient.model_copy(update=strict))
    dropped = {row["id"]: row["dropped"] for row in read(tmp_path / "c.jsonl.dropped.jsonl")}
    assert dropped["r1"] == ["non_detoxifiable"]
    least = {"min_j": everything["r0"]["j"] + 0.01, "min_chrf": 90.0, "output": str(tmp_path / "d.jsonl")}
    run(lenient.model_copy(update=least))
    dropped = {row["id"]: row["dropped"] for row in read(tmp_path / "d.jsonl.dropped.jsonl")}
    assert dropped["r0"] == ["far_off", "low_j"] and dropped["r2"][0] == "far_off"


def test_several_answers_of_a_model_are_the_same_again_and_the_first_is_that_of_one(tmp_path):
    several = chat(tmp_path, num_candidates=3, limit=3)
    run(several)
    rows = read(several.output)
    one = chat(tmp_path, "one.jsonl", limit=3, score=True)
    run(one)
    for row, alone in zip(rows, read(one.output), strict=True):
        first = row["candidates"][0]
        assert (first["text"], first["j"]) == (alone["neutral"], pytest.approx(alone["j"]))


def test_other_formats_are_made_from_the_finished_rows_without_a_model(scripted, monkeypatch, tmp_path):
    settings, result, _ = scripted
    monkeypatch.setattr(LocalWriter, "load", lambda *_: pytest.fail("the model was loaded"))
    wanted = {"preferences": tmp_path / "p.jsonl", "paper_csv": tmp_path / "paper.csv", "min_margin": 0.05}
    again = run(settings.model_copy(update=wanted))
    rows = read(settings.output)
    pairs = read(tmp_path / "p.jsonl")
    assert again.preferences == len(pairs) > 0 and again.rows == result.rows
    by_id = {row["id"]: row for row in rows}
    for pair in pairs:
        row = by_id[pair["id"]]
        assert pair["prompt"] == row["toxic"] and pair["chosen"] == row["neutral"]
        assert pair["chosen_score"] - pair["rejected_score"] >= 0.05
        assert pair["rejected"] in [one["text"] for one in row["candidates"]]
    with (tmp_path / "paper.csv").open(newline="") as file:
        published = list(csv.DictReader(file))
    assert list(published[0]) == ["en_toxic_comment", "en_neutral_comment", "generated_neutral_sentence"]
    assert [row["generated_neutral_sentence"] for row in published] == [row["neutral"] for row in rows]


def test_without_a_filter_and_with_one_answer_nothing_is_scored_or_dropped(tmp_path, tiny_causal):
    settings = chat(tmp_path, model=str(tiny_causal), sta="hf:no/such-model", max_new_tokens=4)
    recorder = Recorder()
    result = run(settings, recorder)
    assert result.rows == len(SENTENCES) and result.scores == {}
    assert not (tmp_path / "pairs.jsonl.dropped.jsonl").exists()
    assert "candidates" not in read(settings.output)[0] and "sta" not in read(settings.output)[0]
    assert any("licence" in warning for warning in recorder.warnings)


def test_what_is_excluded_is_neither_a_source_nor_an_example(tmp_path, tiny_causal):
    (tmp_path / "test.txt").write_text("This game is garbage!\nyou fool\n")
    (tmp_path / "shots.tsv").write_text("toxic\tneutral\nyou fool\tyou there\nbad man\tman\nsilly you\tyou\n")
    changes = {"model": str(tiny_causal), "max_new_tokens": 4, "exclude": (str(tmp_path / "test.txt"),)}
    settings = chat(tmp_path, shots=str(tmp_path / "shots.tsv"), num_shots=2, **changes)
    result = run(settings)
    assert result.dropped == {"excluded": 1} and result.rows == len(SENTENCES) - 1
    assert [row["id"] for row in read(f"{settings.output}.dropped.jsonl")] == ["r1"]
    assert read(settings.output)[0]["shots"] == ["2", "3"]
    with pytest.raises(BadData, match="2 examples"):
        run(settings.model_copy(update={"num_shots": 3, "overwrite": True}))


def test_only_toxic_sentences_in_the_languages_wanted_are_asked_about(tmp_path, monkeypatch):
    engine = Scripted()
    monkeypatch.setattr(LocalWriter, "load", lambda *_: engine)
    rows = [
        ("a", "en", SENTENCES[0]),
        ("b", "de", "so ein Unsinn"),
        ("c", "en", "thank you , see you tomorrow"),
    ]
    source = tmp_path / "mixed.jsonl"
    source.write_text(
        "".join(json.dumps({"id": i, "language": lang, "toxic": t}) + "\n" for i, lang, t in rows)
    )
    wanted = {"lang": ("en",), "lang_column": "language", "min_toxicity": 0.5, "num_candidates": 2}
    settings = chat(tmp_path, input=str(source), **wanted)
    assert run(settings).dropped == {"lang": 1, "not_toxic": 1}
    assert engine.asked == ["a"] and read(settings.output)[0]["lang"] == "en"


def test_nearest_examples_differ_from_sentence_to_sentence_and_the_nearest_is_last(tmp_path, tiny_causal):
    shots = [("this book is garbage", "this book is poor"), ("shut up , you fool", "please be quiet")]
    shots += [("the damn train", "the train"), ("an awful film", "a poor film")]
    (tmp_path / "shots.tsv").write_text("toxic\tneutral\n" + "".join(f"{a}\t{b}\n" for a, b in shots))
    options = {"num_shots": 2, "shots": str(tmp_path / "shots.tsv"), "model": str(tiny_causal)}
    work = prepare(chat(tmp_path, shot_selection="knn", **options), Rejects(), Silent())
    nearest = {source.text: source.shots[-1].toxic for source in work.sources.values()}
    assert nearest[SENTENCES[1]] == shots[0][0]
    assert nearest[SENTENCES[2]] == shots[1][0]
    assert nearest[SENTENCES[5]] == shots[2][0]
    best = prepare(chat(tmp_path, shot_selection="best", **options), Rejects(), Silent())
    assert len({source.shots for source in best.sources.values()}) == 1


def test_a_sentence_that_cannot_be_answered_is_rejected_in_every_run(tmp_path, tiny_causal):
    settings = chat(tmp_path, model=str(tiny_causal), max_new_tokens=4)
    with Path(settings.input).open("a") as file:
        file.write(json.dumps({"id": "long", "toxic": "silly words " * 400}) + "\n")
    lists = []
    for _ in range(2):
        assert run(settings).rejects == 1
        lists.append((tmp_path / "pairs.jsonl.rejects.jsonl").read_text())
    assert lists[0] == lists[1] and "long" in lists[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0, "num_candidates": 2}, "--num-candidates"),
        ({"temperature": 0, "retries": 1}, "--retries"),
        ({"preferences": Path("p.jsonl")}, "--preferences"),
        ({"dropped": Path("p.xyz")}, "suffix"),
    ],
)
def test_contradictions_are_told_before_anything_is_loaded(tmp_path, changes, message):
    with pytest.raises(BadSettings, match=message):
        run(chat(tmp_path, **changes))


def test_a_retry_has_seeds_and_a_prompt_of_its_own(tmp_path):
    settings = chat(tmp_path, retries=1, retry_prompt="detox-en-v2", num_candidates=2)
    work = prepare(settings, Rejects(), Silent())
    first, second = (requests_for(list(work.sources.values()), settings, attempt) for attempt in (1, 2))
    for key in range(len(work.sources)):
        assert first[key].seed != second[key].seed and first[key].id != second[key].id
        assert first[key].prompt[-1] == second[key].prompt[-1]
        assert first[key].prompt[0] != second[key].prompt[0]
        assert first[key].samples == second[key].samples == 2
