"""Edit distances, against the definition and against texts counted by hand."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from detox_cli.scoring.edits import edit_distance, word_edits


def test_by_hand():
    assert word_edits("You are a silly man.", "You are a kind man.") == (1, 1 / 6)
    assert word_edits("what a SILLY idea", "What a silly idea") == (0, 0.0)  # case is no edit
    assert word_edits("stop it", "please stop it now") == (2, 1 / 2)
    assert word_edits("", "") == (0, 0.0) and word_edits("gone", "") == (1, 1.0)


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_the_definition(old: str, new: str):
    @cache
    def least(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (old[i - 1] != new[j - 1]))

    assert edit_distance(old, new) == least(len(old), len(new)) == edit_distance(new, old)
