import pytest

from detox_cli.generation.judging import JUDGE_EN_V1, judge_conversation, read_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("A", "A"),
        (" b.\n", "B"),
        ("**Tie**", "tie"),
        ("Rewrite B", "B"),
        ("Answer: A", "A"),
        ("The answer is A", None),
        ("final verdict is: **rewrite A**", "A"),
        ("\n\nB\n\nRewrite A keeps an insult.", "B"),
        ("A is better than B", None),
        ("A, B or Tie", None),
        ("a good question", None),
        ("Both are fine", None),
        ("AB", None),
        ("", None),
    ],
)
def test_only_an_answer_that_is_nothing_else_is_read(text, answer):
    assert read_answer(text) == answer


def test_the_question_shows_both_and_names_the_first_one_a():
    system, user = judge_conversation("you fool {first}", "one", "two")
    assert system.text == JUDGE_EN_V1.instruction
    assert user.text.index("Rewrite A: one") < user.text.index("Rewrite B: two")
    assert "Text: you fool {first}\n" in user.text, "a text is not a template"
