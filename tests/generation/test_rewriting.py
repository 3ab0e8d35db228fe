"""The rewriting task: its prompt, the sentence in an answer, and what can be wrong with it."""

import pytest

from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.prompts import DETOX_EN_V1, Shot, rewrite_conversation
from detox_cli.generation.quality import quality_flags
from detox_cli.generation.seeds import row_seed

SHOTS = [Shot("you fool", "you there"), Shot("what garbage", "I do not like it")]


def test_shots_as_turns_stand_between_the_instruction_and_the_text():
    turns = rewrite_conversation("this is crap", SHOTS, "turns")
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert turns[0].text == DETOX_EN_V1.instruction
    assert [turn.text for turn in turns[1:]] == [
        "you fool",
        "you there",
        "what garbage",
        "I do not like it",
        "this is crap",
    ]


def test_inline_shots_are_labelled_lines_of_one_message_that_ends_with_an_open_label():
    (turn,) = rewrite_conversation("this is crap", SHOTS, "inline")
    assert turn.role == "user"
    assert turn.text.splitlines()[-3:] == [
        "Neutral text: I do not like it",
        "Toxic text: this is crap",
        "Neutral text:",
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("  This is not good.  ", "This is not good."),
        ('"This is not good."', "This is not good."),
        ("“This is not good.”", "This is not good."),
        ("Neutral text: This is not good.", "This is not good."),
        ("Here is the rewritten text:\nThis is not good.", "This is not good."),
        ("This is not good.\nI removed the insult.", "This is not good."),
        ("This is not good. Toxic text: next", "This is not good."),
        ('"Yes", he said, "no"', '"Yes", he said, "no"'),
        ("\n \n", ""),
    ],
)
def test_the_sentence_in_an_answer(said, meant):
    assert clean_output(said, DETOX_EN_V1.toxic_label) == meant


def test_flags_name_what_is_wrong_and_a_good_rewrite_has_none():
    source = "what a stupid idea this is"
    assert quality_flags("I do not like this idea", source, "stop") == []
    assert quality_flags("What a stupid idea, this is!", source, "stop") == ["copy"]
    assert quality_flags("...", source, "stop") == ["empty"]
    assert quality_flags("I do not like", source, "length") == ["truncated"]
    assert quality_flags("I can't help with that.", source, "stop") == ["refusal"]
    assert quality_flags("word " * 18, source, "stop") == ["too_long"]


def test_row_seeds_depend_on_every_part_and_on_where_it_ends():
    seeds = [row_seed(0, "a", "b"), row_seed(0, "ab"), row_seed(0, "a", "c"), row_seed(1, "a", "b")]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert row_seed(0, "a", "b") == seeds[0]
