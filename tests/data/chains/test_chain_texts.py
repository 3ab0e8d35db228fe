"""Chains as text: the published forms to the letter, and everything that is written can be read again."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detox_cli.data.chains.parse import parse
from detox_cli.data.chains.record import MASK, ChainRecord, read_records, write_records
from detox_cli.data.chains.serialise import serialise, with_chain
from detox_cli.data.chains.stored import store_template, stored_template
from detox_cli.data.chains.template import ChainTemplate, bundled_templates, find_template
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings

TOXIC = ChainRecord(
    id="a",
    text="You fool, go home",
    is_toxic=True,
    spans=[{"start": 4, "end": 8}],
    masked="You <MASK>, go home",
    safe_text="You friend, go home",
    candidates=[{"text": "and rest.", "tox": 0.1}, {"text": "or else.", "tox": 0.9}],
    pos=0,
    neg=[1],
)
SAFE = ChainRecord(id="b", text="A fine day", is_toxic=False, candidates=[{"text": "for a walk."}], pos=0)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NASTY = st.lists(
    TEXT
    | st.sampled_from(
        ["#", " #", "# Generation:", MASK, "<|", "<|mask|>", "\\", "\\n", "\n", '"', "#1", "}"]
    ),
    max_size=6,
).map("".join)


def test_the_published_forms_to_the_letter() -> None:
    code, paper = find_template("cmd-v3-code"), find_template("cmd-v3-paper")
    chain = serialise(TOXIC, code)
    assert chain.prompt + chain.completion == (
        "# Text: You fool, go home # Let's detoxify step by step. # The context is toxic. "
        "# Detect the toxic segment within the context: You <MASK>, go home "
        "# Detoxify the toxic segments: You friend, go home # Generation: and rest. #"
    )
    assert chain.prompt == "# Text: You fool, go home "
    assert chain.answer_prefix.endswith("You friend, go home # Generation:")
    assert serialise(SAFE, code).completion == (
        "# Let's detoxify step by step. # The context is non-toxic. # Generation: for a walk. #"
    )
    assert serialise(TOXIC, paper).completion.count("segments: # You friend") == 1
    assert serialise(SAFE, paper).completion.startswith(
        "# Let's detoxify step by step. # The context is safe. #"
    )
    assert serialise(TOXIC, code, candidate=1).completion.endswith("# Generation: or else. #")


@pytest.mark.parametrize("name", bundled_templates())
@given(prompt=NASTY, rest=NASTY, safe=NASTY, answer=NASTY)
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back(name: str, prompt: str, rest: str, safe: str, answer: str) -> None:
    template = find_template(name)
    safe = f"x{safe}"
    record = ChainRecord(
        id="1",
        text=f"{prompt}bad{rest}",
        is_toxic=True,
        spans=[{"start": len(prompt), "end": len(prompt) + 3}],
        masked=f"{prompt}{MASK}{rest}",
        safe_text=safe,
        candidates=[{"text": answer}],
        pos=0,
    )
    found = parse(serialise(record, template).completion, template)
    assert (found.ok, found.continuation, found.problem) == (True, answer, "")
    if "toxic" in template.roads:
        assert (found.verdict, found.masked, found.rephrased) == ("toxic", record.masked, safe)
        innocent = serialise(record.with_(is_toxic=False), template)
        assert (
            found := parse(innocent.completion, template)
        ).verdict == "safe" and found.continuation == answer
    direct = parse(serialise(record, template, direct=True).completion, template)
    assert (direct.continuation, direct.verdict) == (answer, "safe" if "safe" in template.roads else None)


@pytest.mark.parametrize("name", sorted({*bundled_templates()} - {"plain"}))
@given(text=NASTY)
@settings(max_examples=60, deadline=None)
def test_what_is_no_chain_gives_no_answer(name: str, text: str) -> None:
    found = parse(text, find_template(name))
    assert not found.ok or found.road == "direct"
    assert found.ok or found.continuation is None


def test_a_chain_is_read_whatever_its_spaces_and_its_end() -> None:
    template = find_template("cmd-v3-code")
    loose = " # Let's detoxify  step by step. # the context is Non-Toxic.\n# Generation: a walk in"
    assert parse(loose, template).continuation == "a walk in"
    assert parse(f"{loose} # Text: more", template).continuation == "a walk in"
    whole = serialise(TOXIC, template).completion
    for place in range(whole.index("# Generation:")):
        found = parse(whole[:place], template)
        assert not found.ok and found.continuation is None and found.problem
    assert parse(whole[: whole.index("# Detoxify") - 3], template).verdict == "toxic"
    assert "rephrased" in parse(whole.replace("You friend, go home", ""), template).problem
    for marked in (whole.replace("You friend", "You <MASK>"), whole.replace("and rest", "<MASK>")):
        assert "still has a mask" in parse(marked, template).problem
    assert parse(whole.replace("and rest", "\\<MASK>"), template).continuation == "<MASK>."
    assert parse("", template).problem == "nothing was written"


def test_a_chain_can_decline_where_the_template_knows_how() -> None:
    template = find_template("detox-cot-v1")
    declined = serialise(TOXIC.with_(pos=None), template)
    found = parse(declined.completion, template)
    assert found.ok and found.road == "toxic_abstain" and found.continuation is None
    assert declined.context == declined.completion
    with pytest.raises(BadData, match="a: has no positive continuation"):
        serialise(TOXIC.with_(pos=None), find_template("json"))


def test_records_come_back_from_a_file_and_odd_rows_are_told(tmp_path) -> None:
    file = tmp_path / "chains.jsonl"
    record = with_chain(TOXIC, find_template("json"))
    write_records(file, [record, SAFE])
    row = json.loads(file.read_text().splitlines()[0])
    assert row["schema"] == 1 and row["chain"]["template"] == "json" and row["dropped"] is None
    bad = [{**row, "id": "c", "pos": 7}, {**row, "id": "d", "extra": 1}, {**row, "id": "e", "schema": 2}]
    file.write_text(file.read_text() + "".join(json.dumps(one) + "\n" for one in bad))
    rejects = Rejects()
    assert read_records(str(file), rejects) == [record, SAFE]
    assert rejects.count == 3
    assert any("pos or neg names none of 2" in reason for reason in rejects.by_reason)


def test_records_that_cannot_be_written_say_why() -> None:
    template = find_template("cmd-v3-code")
    for changes, reason in (
        ({"dropped": "too toxic"}, "a: is left out: too toxic"),
        ({"masked": None}, "a: masked is missing"),
        ({"safe_text": None}, "a: safe_text is missing"),
    ):
        with pytest.raises(BadData, match=reason):
            serialise(TOXIC.with_(**changes), template)


def test_templates_of_ones_own_are_checked(tmp_path) -> None:
    form = {"id": "mine", "prompt": "Q {prompt}\n", "reserved": ["\n"], "answer": "A"}
    good = {"toxic": "T {masked}\nR {rephrased}\nA {continuation}\n", "safe": "A {continuation}\n"}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({**form, "roads": good}))
    template = find_template(str(file))
    assert store_template(tmp_path, template).name == "chain_template.json"
    assert stored_template(tmp_path) == template and stored_template(tmp_path / "none") is None
    wrong = {
        "nothing reserved follows {masked}": {
            "roads": {**good, "toxic": "T {masked} {rephrased}\nA {continuation}\n"}
        },
        "does not end with {continuation}": {"roads": {**good, "safe": "S"}},
        "has no road 'safe'": {"roads": {"toxic": good["toxic"]}},
        "prompt may name {prompt}": {"roads": good, "prompt": "Q"},
        "no 'promt'": {"roads": good, "promt": "Q"},
        "does not stand before": {"roads": good, "answer": "B"},
        "reserved has to be a list of texts": {"roads": good, "reserved": "#"},
        "roads has to be a table of texts": {"roads": {**good, "safe": 4}},
        "system has to be a text": {"roads": good, "system": 3},
        "without 'roads'": {},
    }
    for reason, changes in wrong.items():
        with pytest.raises(BadData, match=reason):
            ChainTemplate.of({**form, **changes}, "mine.json")
    with pytest.raises(BadSettings, match="no chain template 'cmd-v4'"):
        find_template("cmd-v4")
