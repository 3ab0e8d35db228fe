"""Pairs: the published formats are known by their columns, and nothing unusable passes."""

import os
from collections import Counter
from pathlib import Path

import pytest

from detox_cli.data.pairs import read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

DATA = Path(os.environ.get("DETOX_DATA", Path(__file__).parents[3] / "shared" / "data")) / "paradetox"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published pairs are not at {DATA}")


def read(tmp_path: Path, content: str, name: str = "a.jsonl", **options):
    path = tmp_path / name
    path.write_text(content)
    rejects = Rejects()
    return read_pairs(str(path), rejects, **options), rejects


@needs_data
@pytest.mark.parametrize(
    ("name", "rows", "references", "languages"),
    [
        ("paradetox.tsv", 9512, {1, 2, 3}, {None}),
        ("ru_paradetox.tsv", 6270, {1, 2, 3}, {None}),
        ("pseudo_llama3_8b_10shot.csv", 14077, {1}, {None}),
        ("multi_paradetox.jsonl", 1818, {1}, {"am", "ar", "de", "en", "es", "hi", "ru", "uk", "zh"}),
    ],
)
def test_published_files_are_read_whole(name, rows, references, languages):
    rejects = Rejects()
    pairs = read_pairs(str(DATA / name), rejects)
    assert (len(pairs), rejects.count) == (rows, 0)
    assert set(Counter(len(pair.references) for pair in pairs)) == references
    assert {pair.lang for pair in pairs} == languages


@needs_data
def test_the_machine_written_column_is_taken_only_on_demand():
    source = str(DATA / "pseudo_llama3_8b_10shot.csv")
    human = read_pairs(source, Rejects(), limit=50)
    machine = read_pairs(source, Rejects(), limit=50, neutral_columns=["generated_neutral_sentence"])
    assert all(pair.references == (pair.values["en_neutral_comment"],) for pair in human)
    assert all(pair.references == (pair.values["generated_neutral_sentence"],) for pair in machine)


def test_references_are_texts_or_lists_each_once_without_empty_ones(tmp_path):
    pairs, _ = read(
        tmp_path, '{"id": "a", "toxic": "x", "neutral": "y", "references": ["y", "", "z", null]}\n'
    )
    assert (pairs[0].id, pairs[0].references) == ("a", ("y", "z"))


def test_unusable_rows_are_rejected_with_their_reason(tmp_path):
    lines = [
        '{"toxic": "x", "neutral": "y"}',
        '{"toxic": "", "neutral": "y"}',
        '{"toxic": 5, "neutral": "y"}',
        '{"toxic": "x", "neutral": " "}',
        '{"toxic": "x", "neutral": ["y", 1]}',
        '{"toxic": "x"}',
    ]
    pairs, rejects = read(tmp_path, "\n".join(lines))
    assert [pair.where for pair in pairs] == [f"{tmp_path}/a.jsonl:1"]
    assert rejects.by_reason == {
        "column 'toxic' is empty": 1,
        "column 'toxic' is not text but int": 1,
        "no neutral text": 2,
        "column 'neutral' is not text but int": 1,
    }


def test_inputs_without_references_are_pairs_only_where_none_is_needed(tmp_path):
    content = "toxic_sentence\tlang\nx\ten\n"
    pairs, _ = read(tmp_path, content, "a.tsv", need_reference=False)
    assert (pairs[0].references, pairs[0].lang) == ((), "en")
    with pytest.raises(BadData, match="no column named neutral_sentence"):
        read(tmp_path, content, "a.tsv")


def test_columns_of_the_users_own(tmp_path):
    pairs, _ = read(tmp_path, "bad,good\nx,y\n", "a.csv", toxic_column="bad", neutral_columns=["good"])
    assert (pairs[0].toxic, pairs[0].references) == ("x", ("y",))
    with pytest.raises(BadData, match="no column 'goood'") as caught:
        read(tmp_path, "bad,good\nx,y\n", "a.csv", toxic_column="bad", neutral_columns=["goood"])
    assert "did you mean 'good'?" in caught.value.hint


def test_a_file_without_a_single_pair_is_an_error(tmp_path):
    with pytest.raises(BadData, match="none of its 2 rows is a pair: no neutral text"):
        read(tmp_path, "toxic,neutral\nx,\ny,\n", "a.csv")


def test_a_label_named_toxic_is_not_taken_for_the_sentence(tmp_path):
    content = "toxic,toxic_sentence,neutral_sentence\n1,x,y\n"
    pairs, _ = read(tmp_path, content, "a.csv")
    assert (pairs[0].toxic, pairs[0].references) == ("x", ("y",))
