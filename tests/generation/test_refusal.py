"""A refusal is a sentence about the task that the source does not say itself."""

import csv
import hashlib

import pytest

from detox_cli.generation.refusal import is_refusal

PUBLISHED_PREFIXES = (
    "i cannot",
    "i can't",
    "i can not",
    "i understand",
    "i strongly",
    "i apologize",
    "i condemn",
    "i'm deeply",
)
REFUSALS = frozenset(
    [
        "166d3d872797",
        "25baa3c1d612",
        "581d4897d984",
        "6a8f830c902a",
        "71c78573c7e5",
        "7c90fe315243",
        "8667868a43be",
        "beb66ce4d6c8",
        "c0c83e0b5a91",
        "c1b5fe43dab0",
        "c867ad1b8252",
        "dd004f155ef2",
        "e7b1be1fb058",
        "f0c6e98adcfb",
        "fb9fcf8b1d6c",
    ]
)
"""By hand, among the published outputs that begin with one of the prefixes: first digits of
sha256("source|output"). Each different (source, output) is listed once."""


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


def test_published_outputs_of_a_real_model(shared_data):
    path = shared_data / "paradetox" / "pseudo_llama3_8b_10shot.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["en_toxic_comment"], row["generated_neutral_sentence"]) for row in csv.DictReader(file)]
    flagged = [row for row in rows if row[1].strip().lower().startswith(PUBLISHED_PREFIXES)]
    said = [is_refusal(output, source) for source, output in flagged]
    true = [digest(*row) in REFUSALS for row in flagged]
    hits = sum(map(min, said, true))
    assert sum(true) >= len(REFUSALS)
    assert hits / sum(said) >= 0.95 and hits / sum(true) >= 0.95
    others = [row for row in rows if row not in set(flagged)]
    alarms = sum(is_refusal(output, source) for source, output in others)
    assert alarms / len(others) <= 0.001


def digest(source: str, output: str) -> str:
    return hashlib.sha256(f"{source}|{output}".encode()).hexdigest()[:12]
