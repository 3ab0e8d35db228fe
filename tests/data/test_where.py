"""Rules over columns: what they say, what they refuse, and that nothing in them is run."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detox_cli.data.where.nodes import Unfit
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData, BadSettings

PROMPT = {"toxicity": 0.3}
ROW = {"toxicity": 0.85, "lang": "en", "obscene": None, "label": "1", "empty": "", "prompt": PROMPT}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("toxicity >= 0.8", True),
        ("toxicity > 0.85", False),
        ("0.2 < toxicity <= .85", True),
        ("toxicity >= 0.8 and lang = 'de' or label == 1", True),
        ("toxicity >= 0.8 and (lang = 'de' or label != 1)", False),
        ("lang in ('de', 'en') and lang not in ('fr', \"it\")", True),
        ("not lang <> 'en'", True),
        ("obscene is null and empty is null and absent is null and toxicity is not null", True),
        ("obscene > 0.5", None),
        ("obscene > 0.5 or toxicity > 0.5", True),
        ("obscene > 0.5 and toxicity < 0.5", False),
        ("not obscene > 0.5", None),
        ("obscene in (1, 2)", None),
        ("prompt.toxicity < 0.5 and `lang` == 'en'", True),
        ("toxicity + prompt.toxicity - 1 > 0.1 and -toxicity < 0", True),
        ("label == true and label", True),
        ("lang == 'it''s'", False),
    ],
)
def test_a_rule_says_yes_no_or_unknown(rule, wanted):
    assert parse_rule(rule).holds(ROW) is wanted


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("", "it ends where"),
        ("toxicity >", "it ends where a column, a number or a text"),
        ("toxicity > 0.8 lang", "'lang' stands where and, or, or the end"),
        ("(toxicity > 0.8", "where '\\)' should"),
        ("lang in ()", "stands where a column"),
        ("lang like 'e%'", "stands where"),
        ("toxicity is 3", "where 'null'"),
        ("__import__('os').system('true')", "cannot be read from"),
        ("toxicity > 0.8; drop", "cannot be read from '; drop' on"),
        ("lang == 'en", "cannot be read from"),
        ("not " * 200 + "lang", "nested too deeply"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_place(rule, complaint):
    with pytest.raises(BadSettings, match=complaint):
        parse_rule(rule)


def test_values_that_do_not_fit_and_columns_that_are_not_there_are_named():
    with pytest.raises(Unfit, match="column 'lang' is not a number"):
        parse_rule("lang > 0.5").holds(ROW)
    with pytest.raises(Unfit, match="neither text nor number but dict"):
        parse_rule("prompt == 1").holds(ROW)
    with pytest.raises(BadData, match="no column 'toxcity'") as caught:
        parse_rule("toxcity > 0.5").check_columns(ROW, "a.csv")
    assert "did you mean 'toxicity'?" in str(caught.value.hint)
    parse_rule("prompt.toxicity > 0.5").check_columns(ROW, "a.csv")


values = st.one_of(st.none(), st.integers(-2, 2))
compared = st.builds(
    lambda left, sign, right: f"{left} {sign} {right}",
    st.sampled_from("abc"),
    st.sampled_from(["<", "<=", "=", "!=", ">", ">="]),
    st.one_of(st.sampled_from("abc"), st.integers(-2, 2).map(str), st.just("a + b - 1")),
)
leaves = st.one_of(
    compared,
    st.sampled_from("abc").map(lambda name: f"{name} is null"),
    st.sampled_from("abc").map(lambda name: f"{name} not in (1, c, 2)"),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b, word: f"({a}) {word} ({b})", inner, inner, st.sampled_from(["and", "or"])),
        st.builds(lambda a, b: f"{a} and {b}", leaves, inner),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=6,
)


@given(rule=rules, row=st.fixed_dictionaries({"a": values, "b": values, "c": values}))
def test_rules_say_what_sql_says(rule, row):
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a, b, c)")
    connection.execute("insert into t values (:a, :b, :c)", row)
    (found,) = connection.execute(f"select ({rule}) from t").fetchone()
    connection.close()
    assert parse_rule(rule).holds(row) is (None if found is None else bool(found))


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_refused_in_one_line(text):
    try:
        parse_rule(text)
    except BadSettings as error:
        assert error.hint or "nested" in str(error)
