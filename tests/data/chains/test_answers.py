"""A model's answers become records: only what stands at the end of a chain, and what belongs together."""

from detox_cli.data.chains.answers import answered_record, is_answered
from detox_cli.data.chains.serialise import serialise
from detox_cli.data.chains.template import find_template
from detox_cli.data.reading import Row

ROW = {
    "prompt": "You fool",
    "outputs": [" one", " two", " three", "", " five", " six"],
    "ok": [True, True, True, False, True, True],
    "verdict": ["toxic", "toxic", "toxic", None, "safe", "toxic"],
    "masked": ["You <MASK>"] * 3 + [None, None, "<MASK> fool"],
    "rephrased": ["You friend", "You man", "You man", None, None, "The fool"],
}


def record(mode: str, **changes: object):
    return answered_record(Row("a", {**ROW, **changes}, "answers.jsonl:1"), mode)


def test_answers_to_the_commonest_rephrasing_make_a_chain_and_all_of_them_direct_answers():
    assert is_answered(ROW) and not is_answered({"prompt": "x", "output": "y"})
    chain = record("chain")
    assert (chain.masked, chain.safe_text, chain.is_toxic) == ("You <MASK>", "You man", True)
    assert [one.text for one in chain.candidates] == [" two", " three"]
    direct = record("direct")
    assert [one.text for one in direct.candidates] == [" one", " two", " three", " six"]
    assert direct.masked is None and direct.prov["answers"] == 6
    template = find_template("cmd-v3-code")
    assert serialise(direct, template, candidate=3, direct=True).completion == "# Generation:  six #"
    safe = record("both", verdict=["safe"] * 6, masked=[None] * 6, rephrased=[None] * 6)
    assert safe.safe_text == "You fool" and len(safe.candidates) == 5 and not safe.toxic
    single = {"outputs": None} | {name: ROW[name][0] for name in ("ok", "verdict", "masked", "rephrased")}
    one = answered_record(
        Row("b", {**{k: v for k, v in (ROW | single).items() if k != "outputs"}, "output": " hm"}, "b:1"),
        "chain",
    )
    assert [c.text for c in one.candidates] == [" hm"]


def test_rows_without_an_answer_say_why():
    assert record("chain", ok=[False] * 6) == "none of its 6 answers stands at the end of a chain"
    assert record("chain", ok=[True]) == "it has not as many steps as answers"
    assert record("chain", ok="[true]") == "its answers are no lists; write them as .jsonl"
    assert record("chain", prompt=" ") == "column 'prompt' is empty"
