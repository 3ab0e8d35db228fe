"""``synth preferences``: a model's own continuations, or texts that are there, become pairs to learn from."""

import json
from pathlib import Path

import pytest

from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.prompts import PROMPTS
from detox_cli.generation.seeds import row_seed
from detox_cli.runs.journal import Journal
from detox_cli.services.generate.run import run as generate
from detox_cli.services.synth_preferences.pairing import Limits, pair
from detox_cli.services.synth_preferences.run import run
from detox_cli.settings.generate import GenerateSettings
from detox_cli.settings.synth_preferences import SynthPreferencesSettings
from tests.continuations import read

RUDE, KIND = "you are a stupid fool, shut up", "thank you for the kind words"
SAID = [
    " was a pleasure to read",
    " is for stupid idiots",
    " was quite long",
    " is damn garbage, idiot",
    " ...",
]
ANY = {"max_chosen": 1.0, "min_rejected": 0.0, "min_margin": 0.0, "length_ratio": None}


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def settings(folder: Path, name: str = "pairs.jsonl", **changes: object) -> SynthPreferencesSettings:
    given = {"output": str(folder / name), "scorers": ["builtin:toxicity"], "device": "cpu"}
    return SynthPreferencesSettings(**{**given, **changes})


def test_the_widest_allowed_pairs_are_taken_and_no_text_twice():
    texts, scores = ["one word", "two words", "three", "four more"], [0.1, 0.9, 0.2, 0.7]
    limits = Limits(max_chosen=0.3, min_rejected=0.6, min_margin=0.45, length_ratio=2)
    assert pair("A", texts, [scores], limits).pairs == [(0, 1)]
    assert pair("A", texts, [scores], Limits(**{**vars_of(limits), "pairs": 9})).pairs == [(0, 1), (2, 3)]
    narrow = Limits(**{**vars_of(limits), "pairs": 9, "length_ratio": 1.2})
    assert pair("A", texts, [scores], narrow).pairs == [(0, 1)], "three and four more differ in length"
    doubtful = [scores, [0.1, 0.5, 0.2, 0.7]]
    assert pair("A", texts, doubtful, limits).pairs == [(0, 3)], "every scorer has to agree"


def test_what_is_no_continuation_and_what_is_no_pair_is_counted_by_reason():
    prompt = "The weather is lovely today"
    texts = ["fine", " ", "the weather is lovely today", "Fine!", "no " * 20, "who knows"]
    found = pair(prompt, texts, [[0.1, 0.0, 0.1, 0.1, 0.1, None]], Limits())
    assert found.unusable == {"empty": 1, "copy": 1, "duplicate": 1, "loop": 1, "without a score": 1}
    assert (found.pairs, found.why) == ([], "fewer than two usable continuations")
    reasons = [
        ([0.5, 0.6], Limits(), "none is harmless enough"),
        ([0.1, 0.4], Limits(), "none is toxic enough"),
        ([0.2, 0.5], Limits(min_margin=0.5), "margin too small"),
        ([0.1, 0.9], Limits(), "lengths too different"),
    ]
    for scores, limits, why in reasons:
        assert pair(prompt, ["short", "a much longer text"], [scores], limits).why == why
    swapped = pair(prompt, ["short", "other"], [[0.9, 0.1]], Limits(), given=True)
    assert swapped.why == "none is harmless enough", "roles that are given stay"


def vars_of(limits: Limits) -> dict:
    return {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


def test_a_models_own_continuations_and_a_run_that_was_stopped(
    lx_prompts, tiny_causal, toxic_scorer, monkeypatch
):
    changes = {
        "model": str(tiny_causal),
        "prompts": str(lx_prompts),
        "scorers": [toxic_scorer, "builtin:lexicon"],
    }
    changes |= {"num_samples": 6, "max_new_tokens": 6, "pairs_per_prompt": 2, "batch_tokens": 100, **ANY}
    wanted = settings(lx_prompts.parent, **changes)
    result = run(wanted)
    rows = read(Path(wanted.output))
    assert result.pairs == len(rows) == 16 and result.paired == 8 and result.continuations == 48
    assert result.figures["chosen toxicity"].n == 4, "translations are no independent evidence"
    assert result.unread == {"builtin:lexicon": ["de"]}
    first, second = rows[:2]
    assert (first["id"], second["id"]) == ("en/0", "en/0#2") and first["seed"] == row_seed(0, "en/0")
    assert list(first["scores"]) == list(result.scorers.values()), (
        "scores stand under their scorer's identity"
    )
    assert first["chosen_toxicity"] == pytest.approx(sum(pair[0] for pair in first["scores"].values()) / 2)
    places = {one[name] for one in rows[:2] for name in ("chosen_sample", "rejected_sample")}
    assert len(places) == 4 and first["rejected_toxicity"] > first["chosen_toxicity"]
    found = read_preferences(wanted.output, Rejects(strict=True)).preferences
    assert len({one.group for one in found}) == 4, "translations stay on one side of a split"

    append, left = Journal.append, [3]

    def stops(own: Journal, record: dict) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        append(own, record)

    again = settings(lx_prompts.parent, "again.jsonl", **changes)
    monkeypatch.setattr(Journal, "append", stops)
    with pytest.raises(KeyboardInterrupt):
        run(again)
    written: list[str] = []
    monkeypatch.setattr(Journal, "append", lambda own, one: (written.append(one["id"]), append(own, one)))
    run(again)
    assert len(written) == 5, "what was there is not sampled again"
    assert Path(again.output).read_bytes() == Path(wanted.output).read_bytes()


def test_triples_keep_their_roles_and_bad_ones_are_left_out(tmp_path):
    rows = [
        {"Prompt": f"The book {i}", "Locale": "EN", "Index": i, "BenignCompletion": good, "Completion": bad}
        for i, (good, bad) in enumerate([(KIND, RUDE), (RUDE, KIND), (KIND, RUDE)])
    ]
    rows.append({**rows[0], "Index": 9})
    result = run(settings(tmp_path, from_file=write(tmp_path / "RTP_LX.jsonl", rows)))
    kept = read(tmp_path / "pairs.jsonl")
    assert [row["prompt"] for row in kept] == ["The book 0", "The book 2"] and result.repeated == 1
    assert (kept[0]["chosen"], kept[0]["rejected"]) == (f" {KIND}", f" {RUDE}")
    assert (
        kept[0]["chosen_toxicity"] < 0.25 and kept[0]["rejected_toxicity"] > 0.5 and kept[0]["lang"] == "en"
    )
    assert result.without_pair == {"none is harmless enough": 1}


def test_answers_of_synth_pairs_become_conversations_without_refusals(tmp_path):
    answers = [(RUDE, []), (KIND, []), ("I cannot help with that.", ["refusal"])]
    row = {"id": "r", "lang": "en", "toxic": "read it, you fool", "prompt_id": "detox-en-v1", "neutral": KIND}
    row["candidates"] = [{"text": text, "flags": flags} for text, flags in answers]
    result = run(
        settings(tmp_path, from_file=write(tmp_path / "synth.jsonl", [row, {**row, "id": "s", "toxic": ""}]))
    )
    (kept,) = read(tmp_path / "pairs.jsonl")
    assert kept["prompt"][0] == {"role": "system", "content": PROMPTS["detox-en-v1"].instruction}
    assert kept["prompt"][1] == {"role": "user", "content": "read it, you fool"}
    assert kept["chosen"] == [{"role": "assistant", "content": KIND}]
    assert kept["rejected"] == [{"role": "assistant", "content": RUDE}]
    assert result.unusable == {"refusal or empty, by its flags": 1} and result.rejects == 1
    with pytest.raises(BadSettings, match="do not fit into the cells"):
        run(settings(tmp_path, "pairs.csv", from_file=str(tmp_path / "synth.jsonl")))


def test_continuations_that_are_there_are_paired_without_a_model(tmp_path, tiny_causal):
    row = {"id": "r", "prompt": "The book", "samples": [{"text": text} for text in SAID]}
    result = run(
        settings(tmp_path, from_file=write(tmp_path / "generations.jsonl", [row]), length_ratio=None)
    )
    (kept,) = read(tmp_path / "pairs.jsonl")
    assert kept["chosen"] in (SAID[0], SAID[2]) and kept["rejected"] in (SAID[1], SAID[3])
    assert result.unusable == {"empty": 1} and kept["model"] is None
    prompts = write(tmp_path / "prompts.jsonl", [{"prompt": "The weather is"}, {"prompt": "The train"}])
    answers = str(tmp_path / "answers.jsonl")
    generate(
        GenerateSettings(model=str(tiny_causal), input=prompts, output=answers, num_samples=4, device="cpu")
    )
    run(settings(tmp_path, "own.jsonl", from_file=answers, **ANY))
    assert {row["model"] for row in read(tmp_path / "own.jsonl")} == {str(tiny_causal)}


def test_what_cannot_be_is_told(tmp_path):
    harmless = write(
        tmp_path / "harmless.jsonl",
        [{"prompt": "A", "chosen": KIND, "rejected": "nice to see you there, sir"}],
    )
    with pytest.raises(BadData, match=r"none of 1 prompts has a pair \(none is toxic enough: 1\)"):
        run(settings(tmp_path, from_file=harmless))
    for wrong, why in [
        ({"model": "builtin:lm"}, "needs prompts"),
        ({}, "nothing to pair"),
        ({"from_file": harmless, "model": "builtin:lm"}, "exclude each other"),
        ({"from_file": harmless, "num_samples": 4}, "--num-samples has no meaning"),
    ]:
        with pytest.raises(BadSettings, match=why):
            run(settings(tmp_path, **wrong))
    assert not (tmp_path / "pairs.jsonl").exists()
