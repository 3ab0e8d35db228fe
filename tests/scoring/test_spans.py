"""Detectors of toxic spans: offsets of characters, words, long texts, and names that are wrong."""

import pytest
import torch

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.scoring.spans.agreement import agreement, overlap
from detox_cli.scoring.spans.encoding import windows_of
from detox_cli.scoring.spans.load import find_span_detector, load_span_detector
from detox_cli.scoring.spans.span import Span, joined, runs, strongest
from detox_cli.scoring.spans.tagger import find_classes, word_scores
from detox_cli.scoring.spans.words import whole_words, word_places


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("You st*pid *fool*, don’t!", ["You", "st*pid", "fool", "don’t"]),
        ("$illy @ss, 50$ a-b", ["$illy", "@ss", "50", "a", "b"]),
        ("d*** it", ["d***", "it"]),
        ("süß 你好", ["süß", "你", "好"]),
        (" ... ", []),
    ],
)
def test_words_are_found_where_they_stand_disguised_ones_whole(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_places(text)] == words


def test_spans_are_joined_over_white_space_only_and_widened_to_words() -> None:
    text = "a silly  fool, really"
    found = [Span(2, 4, 0.5), Span(9, 13, 0.9), Span(15, 17, 0.2)]
    assert joined(text, whole_words(text, found)) == [Span(2, 13, 0.9), Span(15, 21, 0.2)]
    assert strongest(found, 2) == [Span(2, 4, 0.5), Span(9, 13, 0.9)]
    assert runs([5, 3, 4, 9]) == [(3, 6), (9, 10)]


def test_character_f1_is_that_of_the_shared_task() -> None:
    # "a silly fool": marked are characters 2-12, predicted 8-12 and 0-1.
    partly = overlap([(8, 12), (0, 1)], [(2, 12)])
    assert partly.f1 == pytest.approx(2 * 4 / (5 + 10))
    assert (partly.precision, partly.recall) == (4 / 5, 4 / 10)
    nothing_marked, wrongly, missed = overlap([], []), overlap([(0, 1)], []), overlap([], [(0, 3)])
    assert [one.f1 for one in (nothing_marked, wrongly, missed)] == [1, 0, 0]
    figures = agreement([partly, nothing_marked, wrongly, missed])
    assert figures["f1"].mean == pytest.approx((8 / 15 + 1) / 4)
    assert (figures["recall"].mean, figures["recall"].n) == (pytest.approx(1.4 / 4), 4)


def test_a_list_finds_its_entries_as_they_are_written() -> None:
    text = "What a STUPID,  stupid idiot-like man"
    detector = load_span_detector("builtin:lexicon")
    assert [text[s.start : s.end] for s in detector.detect([text])[0]] == ["STUPID", "stupid idiot"]
    assert detector.detect(["", "a kind man"]) == [[], []]


def test_occlusion_finds_each_of_several_words_and_nothing_in_a_kind_text() -> None:
    texts = ["What a stupid, boring idiot you are", "You are nice", ""]
    for name in ("attribution:builtin:toxicity", "words:builtin:toxicity"):
        detector = load_span_detector(name)
        found = detector.detect(texts)
        assert [texts[0][s.start : s.end] for s in found[0]] == ["stupid", "idiot"], name
        assert found[1:] == [[], []]
        assert len(detector.candidates(texts)[1]) == 3


def test_a_name_that_gives_no_spans_is_refused(tmp_path) -> None:
    for name, reason in {
        "perspective": "sentences",
        "lexikon:x.txt": "unknown detector",
        "builtin:toxicity": "no classes to tokens",
        "attribution:builtin:fluency": "says what is acceptable",
        str(tmp_path): "config.json",
    }.items():
        for find in (find_span_detector, load_span_detector):
            with pytest.raises(BadSettings, match=reason):
                find(name)


def test_the_toxic_class_of_a_model_is_found_by_its_name() -> None:
    assert find_classes(["O", "B-TOXIC", "I-TOXIC"], None, "m") == (1, 2)
    assert find_classes(["none", "insult"], None, "m") == (1,)
    assert find_classes(["O", "B-insult", "I-threat"], "threat", "m") == (2,)
    with pytest.raises(BadSettings, match="no class that means toxic"):
        find_classes(["O", "PER", "LOC"], None, "m")


def test_a_long_text_is_read_in_windows_that_overlap(tiny_classifier) -> None:
    from transformers import AutoTokenizer

    folder = str(tiny_classifier)
    model = torch.nn.Linear(1, 1)
    model.config = __import__("transformers").AutoConfig.from_pretrained(folder)
    loaded = Loaded(model, AutoTokenizer.from_pretrained(folder), ModelSource(folder, folder, "folder"))
    text = "you are kind " * 50
    windows = windows_of(loaded, ["short", text], limit=16)
    assert [window.text for window in windows[:2]] == [0, 1]
    seen = {place for window in windows[1:] for place in window.places if place[1]}
    assert {offset for start, end in seen for offset in range(start, end)} == {
        offset for offset, character in enumerate(text) if character != " "
    }
    assert max(window.length for window in windows) == 16


def test_a_word_scores_the_mean_of_its_characters() -> None:
    tokens = [Span(0, 2, 1.0), Span(2, 8, 0.5), Span(8, 9, 0.3), Span(10, 12, 0.0)]
    assert word_scores("stupidly! no", tokens) == [Span(0, 8, 0.625), Span(8, 9, 0.3), Span(10, 12, 0.0)]
