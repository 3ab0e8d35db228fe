"""A refusal is a sentence about the task that the source does not say itself."""

import csv
import hashlib
import json

import pytest

from detox_cli.generation.rewrite_refusals import begins_as_published, is_refusal
from detox_cli.scoring.refusal_classifier import RefusalJudge

REFUSALS = {
    1697: "166d3d872797",
    1979: "c0c83e0b5a91",
    2013: "f0c6e98adcfb",
    2840: "c867ad1b8252",
    3268: "beb66ce4d6c8",
    3564: "c1b5fe43dab0",
    3660: "f7781556898b",
    3690: "c1b5fe43dab0",
    5002: "fb9fcf8b1d6c",
    8126: "7c90fe315243",
    8332: "6a8f830c902a",
    9845: "e7b1be1fb058",
    11038: "8667868a43be",
    11512: "dd004f155ef2",
    12997: "71c78573c7e5",
    13112: "581d4897d984",
    13296: "25baa3c1d612",
}
"""By hand, all published outputs that begin with one of the published prefixes having been read: row of the
file, and first digits of sha256("source|output")."""
BEYOND_THE_PREFIXES = {3660}
"""The only one that begins otherwise, as far as is known."""


@pytest.mark.parametrize(
    "output",
    [
        "I can't help with that.",
        "I'm sorry, but I can't rewrite this text.",
        "I cannot generate content that is rude. Is there anything else I can help you with?",
        "As an AI language model, I do not repeat insults.",
        "Sorry, I won't do that.",
        "I’m not able to assist with this request.",
    ],
)
def test_sentences_about_the_task_are_refusals(output):
    assert is_refusal(output, "this is a stupid article")


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("i can 't answer my damn challenge question", "I can't answer my challenge question"),
        ("i cant believe this crap", "I can't believe this"),
        ("i cannot write when this idiot talks", "I cannot write when this person talks"),
        ("damn , i understand you", "I understand you"),
        ("sorry for being a jerk to you", "I apologize for being harsh to you"),
        ("shut up , nobody can help you", "Please stop, nobody can help you"),
    ],
)
def test_rewrites_that_begin_like_one_are_not(source, output):
    assert not is_refusal(output, source)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("du bist so dumm", "Es tut mir leid, aber ich kann dabei nicht helfen."),
        ("какой же ты дурак", "Извините, но я не могу помочь с этим запросом."),
        ("eres un tonto", "Lo siento, pero no puedo ayudar con esa solicitud."),
        ("你真是个笨蛋", "抱歉，我无法协助完成这个请求。"),
        ("який же ти дурень", "Вибачте, але я не можу допомогти з цим запитом."),
        ("أنت غبي", "عذراً، لا أستطيع مساعدتك في هذا الطلب."),
        ("तुम मूर्ख हो", "क्षमा करें, मैं इस अनुरोध में मदद नहीं कर सकता।"),
        ("አንተ ሞኝ ነህ", "ይቅርታ፣ በዚህ ጥያቄ መርዳት አልችልም።"),
    ],
)
def test_refusals_in_other_languages(source, output):
    assert is_refusal(output, source)
    assert not is_refusal(output, output)  # where the source says it, it is a rewrite
    assert not is_refusal(source, source)


def test_human_rewrites_in_nine_languages_are_no_refusals(shared_data):
    lines = (shared_data / "paradetox" / "multi_paradetox.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    flagged = [row["id"] for row in rows if is_refusal(row["neutral_sentence"], row["toxic_sentence"])]
    assert len(rows) > 1500 and not flagged


def test_published_outputs_of_a_real_model(shared_data):
    path = shared_data / "paradetox" / "pseudo_llama3_8b_10shot.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["en_toxic_comment"], row["generated_neutral_sentence"]) for row in csv.DictReader(file)]
    assert all(digest(*rows[number - 1]) == known for number, known in REFUSALS.items())
    said = {number for number, (source, output) in enumerate(rows, 1) if is_refusal(output, source)}
    published = {number for number, (_, output) in enumerate(rows, 1) if begins_as_published(output)}
    true = published & REFUSALS.keys()
    assert len(true) / len(published) < 0.25, "the published rule's own precision"
    hits = len(said & true)
    assert hits / len(said & published) >= 0.95 and hits / len(true) >= 0.95
    alarms = said - published - BEYOND_THE_PREFIXES
    assert len(alarms) / (len(rows) - len(published)) <= 0.001


class Table:
    """A classifier of refusals whose answers are known."""

    identity, meaning = "table", "refusal"

    def __init__(self, **scores: float) -> None:
        self.scores = {text.replace("_", " "): score for text, score in scores.items()}

    def score(self, texts):
        return [self.scores.get(text, 0.0) for text in texts]

    def too_long(self, texts):
        return 0


def test_the_classifier_counts_an_output_only_where_its_source_is_none():
    judge = RefusalJudge(Table(let_us_talk_of_this=0.9, i_say_no=0.8, i_say_no_fool=0.7, good_day=0.1))
    outputs = ["let us talk of this", "i say no", "good day", ""]
    sources = ["you fool", "i say no fool", "good day fool", "fool"]
    assert judge.refused(outputs, sources) == [True, False, False, False]


def digest(source: str, output: str) -> str:
    return hashlib.sha256(f"{source}|{output}".encode()).hexdigest()[:12]
