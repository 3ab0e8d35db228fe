import pytest
from hypothesis import given
from hypothesis import strategies as st

from detox_cli.errors import BadData
from detox_cli.scoring.lexicon import BUNDLED, Lexicon, LexiconScorer, read_lexicon
from detox_cli.scoring.load import load_text_scorer

WORDS = Lexicon("words", ("silly", "load of rubbish", "rubbish"))


def test_whole_words_only_whatever_the_case_and_the_spacing():
    assert WORDS.hits("That is SILLY!")
    assert WORDS.hits("a load  of\nrubbish, really")
    assert WORDS.hits("ｓｉｌｌｙ")
    assert not WORDS.hits("sillyness and unsilly")


def test_share_counts_the_words_of_a_phrase():
    assert WORDS.share("what a load of rubbish") == pytest.approx(3 / 5)
    assert WORDS.share("") == WORDS.share("!?") == 0


def test_deleting_keeps_the_rest_as_it_was_written():
    assert WORDS.delete("What a Load of  Rubbish, you Silly  thing") == "What a , you thing"
    assert WORDS.delete("Straße, silly") == "Straße,"


@given(st.text(alphabet="silyrub hof adRSß ﬁ", max_size=40))
def test_nothing_listed_is_left_after_deleting(text):
    left = text
    for _ in range(5):  # a deletion can bring two halves of an entry together
        left = WORDS.delete(left)
    assert not WORDS.hits(left)


def test_the_bundled_list_is_a_scorer():
    scorer = load_text_scorer("builtin:lexicon")
    assert scorer.score(["you are stupid", "you are kind", ""]) == [1, 0, 0]
    assert scorer.meaning == "toxic"
    assert load_text_scorer("builtin:lexicon#share").score(["you are stupid"]) == [pytest.approx(1 / 3)]


def test_comments_and_empty_lines_are_no_entries(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# a comment\n\n  Silly \n", encoding="utf-8")
    assert read_lexicon(path).entries == ("silly",)
    assert len(read_lexicon(BUNDLED).entries) > 100


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"\xff\xfe\x00binary"])
def test_a_list_without_words_is_an_error(tmp_path, content):
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(BadData):
        read_lexicon(path)


def test_identity_follows_the_entries():
    assert LexiconScorer(WORDS).identity != LexiconScorer(Lexicon("words", ("silly",))).identity
    assert LexiconScorer(WORDS).identity != LexiconScorer(WORDS, "share").identity
