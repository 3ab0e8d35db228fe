"""Diversity: parity with the published counting, and what our own forms do."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from detox_cli.scoring.diversity import distinct, legacy_distinct, repetition, self_bleu, spaces
from detox_cli.scoring.pieces import pieces

TEXTS = [
    "the train was late and late",
    "the train was on time",
    "",
    "he said  so",
    "_ _ _ the train was late",
]


def published(texts: list[str]) -> list[float]:
    """The counting of DExperts, written down again from its description: sets of joined words over words."""
    unigrams, bigrams, trigrams, total = set(), set(), set(), 0
    for text in texts:
        o = text.split(" ")
        total += len(o)
        unigrams.update(o)
        for i in range(len(o) - 1):
            bigrams.add(o[i] + "_" + o[i + 1])
        for i in range(len(o) - 2):
            trigrams.add(o[i] + "_" + o[i + 1] + "_" + o[i + 2])
    return [len(unigrams) / total, len(bigrams) / total, len(trigrams) / total]


def test_the_legacy_form_is_the_published_one() -> None:
    assert [legacy_distinct(TEXTS, n) for n in (1, 2, 3)] == pytest.approx(published(TEXTS), abs=1e-12)
    assert legacy_distinct([], 1) is None
    assert legacy_distinct(["ab ab"], 1, split=list) == pytest.approx(3 / 5)
    assert spaces("a  b") == ["a", "", "b"]


def test_ours_divides_n_grams_by_n_grams() -> None:
    assert [distinct(["a b c d"], n) for n in (1, 2, 3, 4)] == [1.0] * 4
    assert distinct(["a b", "a b"], 2) == 0.5
    assert distinct(["a"], 2) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("He can't, no.", ["he", "can't", ",", "no", "."]),
        ("我很好。", ["我", "很", "好", "。"]),
        ("カタカナ and ไทย", [*"カタカナ", "and", *"ไทย"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 문장", ["한국어", "문장"]),
    ],
)
def test_pieces_need_no_tokenizer(text: str, wanted: list[str]) -> None:
    assert pieces(text) == wanted


def test_self_bleu_is_bleu_against_the_others() -> None:
    texts = [
        "the train was late again today",
        "the train was on time and it was late before",
        "no it was late",
        "the train was late again",
    ]
    bleu = BLEU(smooth_method="add-k", smooth_value=1, effective_order=False, tokenize="none")
    brute = [
        bleu.corpus_score([text], [[other] for j, other in enumerate(texts) if j != i]).score / 100
        for i, text in enumerate(texts)
    ]
    assert self_bleu(texts) == pytest.approx(np.mean(brute), abs=1e-9)
    assert self_bleu(["so it is and so it was"] * 3) == pytest.approx(1.0)
    assert self_bleu(["a b c", "d e f"]) == 0.0
    assert self_bleu(["one", ""]) is None


def test_repetition_counts_what_comes_again() -> None:
    assert repetition("a b c d a b c d") == pytest.approx(1 / 5)
    assert repetition("no no no no no no no") == pytest.approx(3 / 4)
    assert repetition("all words differ here") == 0.0
    assert repetition("too short") is None
