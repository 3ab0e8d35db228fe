"""The steps of ``synth chain`` that need no model: masks, fills, positives, and published files."""

import json
from pathlib import Path

import pytest

from detox_cli.data.chains.record import Candidate
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.scoring.spans.span import Span
from detox_cli.services.synth_chain.aligning import filled, fills_by_context, fills_in
from detox_cli.services.synth_chain.building import NO_CANDIDATE, TOO_TOXIC, choose
from detox_cli.services.synth_chain.detecting import chosen
from detox_cli.services.synth_chain.masking import blanked, mask_rate, masked_text, visible_text
from detox_cli.services.synth_chain.upstream import UNKNOWN, read_before, without_prompt

PROMPT = '"As you may know by now, when you attack him he will punch'
"""The example that the published pipeline ships; it finds the window of its tenth and eleventh word."""


def span(text: str, words: str, score: float = 0.9) -> Span:
    return Span(text.index(words), text.index(words) + len(words), score)


def candidates(*scores: float | None, texts: list[str] | None = None) -> list[Candidate]:
    said = texts or [f"text {i}" for i in range(len(scores))]
    return [Candidate(text=text, tox=score) for text, score in zip(said, scores, strict=True)]


def test_the_published_example_is_masked_with_its_case_and_spaces():
    window = [span(PROMPT, "attack"), span(PROMPT, "him")]
    assert masked_text(PROMPT, window) == '"As you may know by now, when you <MASK> he will punch'
    assert visible_text(PROMPT, window) == '"As you may know by now, when you he will punch'
    assert len(blanked(PROMPT, window)) == len(PROMPT) and "attack" not in blanked(PROMPT, window)
    assert mask_rate(PROMPT, window) == pytest.approx(9 / 46)
    apart = "You  STUPID, silly\tman"
    assert masked_text(apart, [span(apart, "silly"), span(apart, "STUPID")]) == "You  <MASK>, <MASK>\tman"


def test_spans_fall_back_to_a_lower_threshold_and_then_to_the_strongest_word():
    text = "what a sillyish useless thing"
    pieces = [span(text, "what", 0.01), span(text, "silly", 0.2), span(text, "useless", 0.15)]
    assert chosen(text, pieces, 0.15, 0.1) == ([Span(7, 23, 0.2)], "threshold"), (
        "whole words, neighbours joined"
    )
    assert chosen(text, pieces, 0.3, 0.2) == ([Span(7, 15, 0.2)], "lower")
    assert chosen(text, pieces, 0.9, 0.8) == ([Span(7, 15, 0.2)], "strongest")
    assert chosen(text, [span(text, "what", 0.0)], 0.9, 0.8) == ([], "none")


@pytest.mark.parametrize(
    ("output", "fills"),
    [
        ("you are a fine man , and nobody likes your long comments", ["fine man", "long"]),
        ("You are a fine man and nobody likes your comments", None),  # the comma is gone
        ("you are a fine man , and nobody likes your comments", ["fine man", ""]),
        ("you are a , and nobody likes your comments . thanks", None),
    ],
)
def test_fills_are_taken_where_all_other_text_survives(output, fills):
    masked = "You are a <MASK>, and nobody likes your <MASK> comments"
    assert fills_in(masked, output) == fills
    if fills:
        assert filled(masked, ["X", "Y"]) == "You are a X, and nobody likes your Y comments"


def test_fills_are_known_by_their_neighbours_where_other_text_changed():
    masked = "He said that you are a <MASK> or a <MASK>"
    assert fills_by_context(masked, "she said you are a very good man or a saint") == [
        "very good man",
        "saint",
    ]
    assert fills_by_context(masked, "you were a very good man or a saint") is None
    assert fills_by_context("<MASK> go home", "please all go home") == ["please all"]


def test_positive_and_negatives_of_the_published_rule_without_its_overlap():
    assert choose(candidates(0.1, 0.2, 0.4, 0.6, 0.9), 0.5, 0.3, 3) == (0, [4, 3, 2], None)
    assert choose(candidates(0.4, 0.6), 0.5, 0.3, 3) == (0, [1], None), "a positive above .3 is no negative"
    assert choose(candidates(0.51, 0.9), 0.5, 0.3, 3) == (None, [], TOO_TOXIC)
    assert choose(candidates(None, 0.2, None, 0.8, texts=["", "a", " ", "b"]), 0.5, 0.3, 3) == (1, [3], None)
    assert choose(candidates(None, None, texts=["", "x"]), 0.5, 0.3, 3) == (None, [], NO_CANDIDATE)
    same = candidates(0.1, 0.9, 0.9, 0.8, texts=["one", "Bad!", "bad", "One."])
    assert choose(same, 0.5, 0.3, 3) == (0, [1], None), "the same words are named once, and not on both sides"
    assert choose(candidates(0.1, 0.4, 0.6, 0.9), 0.5, 0.3, 1)[1] == [3], "the most toxic ones stay"


def rows(path: Path, *found: dict, array: bool = False) -> str:
    path.write_text(json.dumps(found) if array else "".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def rtp(text: str, toxicity: float | None, **more: object) -> dict:
    name = f"{text}.txt"
    return {"filename": name, "begin": 0, "end": 9, "prompt": {"text": text, "toxicity": toxicity}, **more}


def test_files_of_the_published_pipeline_are_read_with_their_names_and_traps(tmp_path):
    toxic = {"mask_prompt": "you <mask>".upper().replace("YOU", "you"), "raw_recovered_prompt": "you there"}
    found = [
        rtp("you fool", 0.9, **toxic, generation=["a", "", "c"], cont_toxicity=[0.1, 0.7]),
        rtp("hello", 0.1, generation="only one", cont_toxicity=[0.2]),
        rtp("you there", None, generation=["a"], cont_toxicity=[0.2]),
        rtp("a fine day", 0.1, cont_generation=["x", "y"], cont_toxicity=[0.1, 0.2, 0.3]),
    ]
    rejects = Rejects()
    first, second = read_before(rows(tmp_path / "rtp_continuation_api.json", *found), "build", rejects, 0.5)
    assert (first.toxic, first.masked, first.safe_text) == (True, "you <MASK>", "you there")
    assert [(one.text, one.tox) for one in first.candidates] == [("a", 0.1), ("", None), ("c", 0.7)]
    assert (second.toxic, second.safe_text) == (False, "hello")
    assert [one.text for one in second.candidates] == ["only one"], "a bare text is no list of letters"
    numbers = "it has another number of scores than of continuations"
    assert dict(rejects.by_reason) == {UNKNOWN: 1, numbers: 1}, "a null toxicity does not say that it is safe"
    (other,) = read_before(
        rows(
            tmp_path / "a.json", rtp("you fool", 0.9, mask_prompt="<MASK>", recover_prompt="well"), array=True
        ),
        "continue",
        Rejects(),
        0.5,
    )
    assert other.safe_text == "well"
    with pytest.raises(BadData, match="no row has mask_prompt, which stage fill begins with"):
        read_before(rows(tmp_path / "rtp.jsonl", rtp("you fool", 0.9)), "fill", Rejects(), 0.5)


def test_the_end_of_the_prompt_is_taken_off_a_continuation():
    assert without_prompt("about the weather is fine", "Tell me about the weather") == " is fine"
    assert without_prompt(" is fine", "Tell me about the weather") == " is fine"
    assert without_prompt("weather", "the weather") == "weather", "a word said again is no leak"
