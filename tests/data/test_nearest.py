"""Neighbours by the pieces of words that texts share."""

from detox_cli.data.nearest import neighbours

TEXTS = ["this book is garbage", "the weather is fine", "what a stupid idea", "this is stupidly long", ""]


def test_rare_words_and_their_other_forms_decide():
    index = neighbours(TEXTS)
    assert index.nearest("stupid people", 2) == [2, 3]
    assert index.nearest("garbage is garbage", 1) == [0]


def test_a_text_that_shares_nothing_takes_the_first_and_the_same_text_comes_first():
    index = neighbours(TEXTS)
    assert index.nearest("qqq", 2) == [0, 1]
    assert [index.nearest(text, 1)[0] for text in TEXTS[:4]] == [0, 1, 2, 3]
