"""Writing: what is written reads back as it was, byte for byte the same each time; faults change nothing."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings

ANY_TEXT = st.text(st.characters(codec="utf-8"))
TABLE_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
AWKWARD = st.sampled_from(['"', '""', "\r", "\n", "\r\n", "\t", ",", "a\rb", " x ", "'", "\u2028", "\ufeff"])


def read_back(path: Path) -> list[dict[str, object]]:
    return [dict(row.values) for row in read_rows(str(path), Rejects(None, strict=True))]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@given(
    rows=st.lists(
        st.fixed_dictionaries({"a": TABLE_TEXT | AWKWARD, "b c": TABLE_TEXT | AWKWARD}),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_survive_every_format(tmp_path, suffix, rows):
    path = tmp_path / f"rows{suffix}"
    assert write_rows(path, rows, ["a", "b c"]) == len(rows)
    assert read_back(path) == rows
    first = path.read_bytes()
    write_rows(path, iter(rows), ["a", "b c"])
    assert path.read_bytes() == first


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    rows=st.lists(
        st.dictionaries(ANY_TEXT.filter(lambda key: key != "id"), JSON_VALUES), min_size=1, max_size=5
    )
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_survives_json_lines(tmp_path, rows):
    path = tmp_path / "rows.jsonl"
    write_rows(path, rows)
    assert read_back(path) == rows


def test_keys_keep_their_order_and_letters_stay_letters(tmp_path):
    path = tmp_path / "a.jsonl"
    write_rows(path, [{"z": "жё", "a": None}])
    assert path.read_text() == '{"z": "жё", "a": null}\n'
    write_rows(path, [{"z": 1}], ["a", "z"])
    assert path.read_text() == '{"a": null, "z": 1}\n'


def test_tables_have_the_union_of_keys_and_json_in_cells(tmp_path):
    path = tmp_path / "a.csv"
    assert write_rows(path, [{"a": [1, "x"]}, {"b": None, "c": 0.1}]) == 2
    assert path.read_text() == 'a,b,c\n"[1, ""x""]",,\n,,0.1\n'


def test_parquet_keeps_numbers_and_lists(tmp_path):
    rows = [{"a": 0.1, "b": ["x", "y"], "c": None}, {"a": 2.0, "b": [], "c": "z"}]
    write_rows(tmp_path / "a.parquet", rows)
    assert read_back(tmp_path / "a.parquet") == rows


def test_stdout_gets_json_lines(capsys):
    assert write_rows("-", [{"a": "é"}]) == 1
    assert capsys.readouterr().out == '{"a": "é"}\n'


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("a.jsonl", {"id": "r2", "x": float("nan")}),
        ("a.jsonl", {"id": "r2", "x": object()}),
        ("a.csv", {"id": "r2", "x": "nul\0"}),
        ("a.parquet", {"id": "r2", "x": 2}),
    ],
)
def test_a_value_that_does_not_fit_leaves_the_old_file(tmp_path, name, row):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(BadData) as caught:
        write_rows(path, [{"id": "r1", "x": "fine"}, row])
    assert "r2" in str(caught.value) or name in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert path.read_text() == "old"


def test_an_unknown_suffix_is_refused_before_any_work(tmp_path):
    def never():
        raise AssertionError("asked for rows")
        yield {}

    with pytest.raises(BadSettings, match="names no format"):
        write_rows(tmp_path / "a.xml", never())


def test_a_column_that_was_not_announced_is_an_error(tmp_path):
    with pytest.raises(BadData, match="row 2: has a column 'y'"):
        write_rows(tmp_path / "a.csv", [{"id": 1}, {"id": 2, "y": 0}], ["id"])
