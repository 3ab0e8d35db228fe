"""Reading: every format gives the same rows, and every fault is named in one line with its place."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from detox_cli.data.reading import pick_column, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings, ExitCode, Missing


@pytest.fixture
def rejects(tmp_path: Path) -> Rejects:
    return Rejects(tmp_path / "rejects.jsonl")


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def fault(source: str, strict: bool = False) -> BadData:
    with pytest.raises(BadData) as caught:
        read_rows(source, Rejects(None, strict))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.DATA
    return caught.value


def test_fields_over_several_lines_do_not_shift_line_numbers(tmp_path, rejects):
    source = write(
        tmp_path / "a.csv", 'text,n\r\n"one\r\ntwo, ""three""",1\r\n\r\nplain,2\r\n"x\ny\nz",3\nlast,4\n'
    )
    rows = read_rows(source, rejects)
    assert [row.values["text"] for row in rows] == ['one\r\ntwo, "three"', "plain", "x\ny\nz", "last"]
    assert [row.where for row in rows] == [f"{source}:{line}" for line in (2, 5, 6, 9)]
    assert [row.id for row in rows] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,text\na,x\nb,y\n"),
        ("a.tsv", "id\ttext\na\tx\nb\ty\n"),
        ("a.jsonl", '{"id":"a","text":"x"}\n\n{"id":"b","text":"y"}\n'),
        ("a.json", '[{"id":"a","text":"x"},\n {"id":"b","text":"y"}]'),
        ("b.json", '{"id":"a","text":"x"}\n{"id":"b","text":"y"}'),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_formats_marks_and_line_ends_give_the_same_rows(tmp_path, rejects, name, content, mark, ends):
    source = write(tmp_path / name, mark + content.replace("\n", ends).encode())
    assert [(row.id, dict(row.values)) for row in read_rows(source, rejects)] == [
        ("a", {"id": "a", "text": "x"}),
        ("b", {"id": "b", "text": "y"}),
    ]
    assert rejects.count == 0


def test_plain_text_has_one_row_a_line_and_names_empty_ones(tmp_path, rejects):
    rows = read_rows(write(tmp_path / "a.txt", "one\r\n\n  two\u2028still two\n"), rejects)
    assert [(row.id, row.values["text"]) for row in rows] == [("1", "one"), ("3", "  two\u2028still two")]
    assert rejects.by_reason == {"an empty line": 1}


def test_bad_lines_are_rejected_with_their_place_and_the_others_keep_their_numbers(tmp_path, rejects):
    source = write(
        tmp_path / "a.jsonl", '{"text": "x"}\n{"text": \n[1]\n{"text": "\\ud800"}\n{"text": "y"}\n'
    )
    rows = read_rows(source, rejects)
    assert [row.id for row in rows] == ["1", "5"]
    written = [line.split('", "')[0] for line in rejects.path.read_text().splitlines()]
    assert written == [f'{{"where": "{source}:{line}' for line in (2, 3, 4)]
    assert [reason.split(":")[0] for reason in rejects.by_reason] == [
        "bad JSON",
        "not a JSON object",
        "half of a surrogate pair",
    ]


def test_correcting_a_row_renames_no_other(tmp_path):
    broken = write(tmp_path / "a.csv", "text,n\nx,1\nragged\ny,2\n")
    whole = write(tmp_path / "b.csv", "text,n\nx,1\nragged,5\ny,2\n")
    ids = {row.values["text"]: row.id for row in read_rows(whole, Rejects())}
    assert all(ids[row.values["text"]] == row.id for row in read_rows(broken, Rejects()))


def test_strict_makes_the_first_bad_row_fatal(tmp_path):
    error = fault(write(tmp_path / "a.jsonl", '{"text": "x"}\nnot json\n'), strict=True)
    assert str(error).startswith(f"{tmp_path}/a.jsonl:2: bad JSON")


def test_ragged_rows_say_how_wide_they_are(tmp_path, rejects):
    rows = read_rows(write(tmp_path / "a.csv", "a,b,c\n1,2,3\n1,2\n1,2,3,4\n"), rejects)
    assert len(rows) == 1
    assert rejects.by_reason == {
        "a row of 2 fields, and the header has 3": 1,
        "a row of 4 fields, and the header has 3": 1,
    }


def test_broken_quotes_on_one_line_cost_that_line(tmp_path, rejects):
    source = write(tmp_path / "a.tsv", 'text\tn\nx\t1\n"so" he said\t2\ny\t3\n')
    assert [row.values["text"] for row in read_rows(source, rejects)] == ["x", "y"]
    assert rejects.by_reason.most_common(1)[0][0].startswith("broken quotes")


def test_a_quote_that_swallows_lines_is_fatal_and_says_where_it_opens(tmp_path):
    error = fault(write(tmp_path / "a.tsv", 'text\tn\nx\t1\n"y\t2\nz\t3\n'))
    assert str(error).startswith(f"{tmp_path}/a.tsv:3: a quote is opened")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".txt"])
def test_an_empty_file_is_named(tmp_path, suffix):
    assert "is empty" in str(fault(write(tmp_path / f"a{suffix}", "")))


def test_a_header_alone_is_empty(tmp_path):
    assert "is empty" in str(fault(write(tmp_path / "a.csv", "a,b\n")))


def test_two_columns_of_one_name_are_named(tmp_path):
    assert "two columns are named 'text'" in str(fault(write(tmp_path / "a.csv", "text,b,text\n1,2,3\n")))


def test_a_file_of_bad_rows_only_is_an_error(tmp_path):
    error = fault(write(tmp_path / "a.jsonl", "x\ny\n"))
    assert "none of its 2 rows" in str(error)


def test_a_binary_file_is_named_with_its_offset(tmp_path):
    assert "NUL byte at offset 5" in str(fault(write(tmp_path / "a.csv", b"text\n\x00\x01")))
    assert "NUL byte at offset 9" in str(fault(write(tmp_path / "b.txt", b"a\n\xef\xbb\xbfxyz\x80\x00")))


def test_another_encoding_is_named_with_line_and_offset(tmp_path):
    assert str(fault(write(tmp_path / "a.txt", "fine\ncaf\xe9\n".encode("latin-1")))) == (
        f"{tmp_path}/a.txt:2: is not UTF-8 text (byte offset 8)"
    )
    assert "UTF-16" in str(fault(write(tmp_path / "b.txt", "text".encode("utf-16"))))


def test_a_missing_file_gets_the_nearest_name(tmp_path):
    write(tmp_path / "paradetox.tsv", "x")
    assert fault(str(tmp_path / "paradetx.tsv")).hint == f"did you mean {tmp_path}/paradetox.tsv?"
    assert "does not exist either" in fault(str(tmp_path / "no" / "a.csv")).hint
    assert "no such file" in str(fault(str(tmp_path / "a.parquet")))


def test_a_folder_and_an_unknown_suffix_are_named(tmp_path):
    assert "folder without a data set" in str(fault(str(tmp_path)))
    folder = tmp_path / "rows.csv"
    folder.mkdir()
    assert "folder" in str(fault(str(folder)))
    assert ".jsonl" in fault(write(tmp_path / "a.xlsx", "x")).hint


def test_a_broken_parquet_file_is_named(tmp_path):
    assert "cannot be read as Parquet" in str(fault(write(tmp_path / "a.parquet", b"PAR1 no PAR1")))


@pytest.mark.parametrize(
    ("content", "line"),
    [('[{"a": 1},\n {"a": }]', 2), ('[{"a": 1}\n', 2), ("[\n{},\n]", 2), ("[]\nx", 2), ("[1 2]", 1)],
)
def test_a_malformed_array_is_an_error_at_its_line(tmp_path, content, line):
    assert str(fault(write(tmp_path / "a.json", content))).startswith(f"{tmp_path}/a.json:{line}: bad JSON")


def test_elements_of_an_array_know_their_lines(tmp_path, rejects):
    rows = read_rows(write(tmp_path / "a.json", '\n[\n {"t":\n "x"},\n\n 7,{"t": "y"}\n]\n'), rejects)
    assert [row.where.rpartition(":")[2] for row in rows] == ["3", "6"]
    assert rejects.by_reason == {"not a JSON object": 1}


def test_ids_are_the_rows_own_and_duplicates_are_an_error(tmp_path, rejects):
    source = write(tmp_path / "a.jsonl", '{"id": 7}\n{"id": "b"}\n{"id": null}\n{"id": true}\n{"id": ""}\n')
    assert [row.id for row in read_rows(source, rejects)] == ["7", "b"]
    assert rejects.count == 3
    later = write(tmp_path / "c.jsonl", '{"id": true}\n{"n": 1}\n[]\n{"n": 2}\n')
    assert [row.id for row in read_rows(later, rejects)] == ["2", "4"]
    error = fault(write(tmp_path / "b.jsonl", '{"id": "7"}\n{"id": 8}\n{"id": 7}\n'))
    assert str(error).startswith(f"{tmp_path}/b.jsonl:3: the id '7' is used again")
    assert f"{tmp_path}/b.jsonl:1" in str(error)


def test_limit_stops_before_a_later_fault(tmp_path, rejects):
    source = write(tmp_path / "a.jsonl", '{"id": 1}\n{"id": 2}\n{"id": 1}\n')
    assert len(read_rows(source, rejects, limit=2)) == 2


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (b'\n{"text": "x"}\n{"text": "y"}\n', ["x", "y"]),
        ("\ufeffx\ny".encode(), ["x", "y"]),
        (b"[1] is a footnote\n", ["[1] is a footnote"]),
    ],
)
def test_stdin_is_json_lines_or_plain_lines(monkeypatch, rejects, given, texts):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert [row.values["text"] for row in read_rows("-", rejects)] == texts


def test_a_pipe_of_the_shell_is_read_like_stdin(tmp_path, rejects):
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=('{"text": "x"}\n',))
    writer.start()
    (row,) = read_rows(str(pipe), rejects)
    writer.join()
    assert (row.values["text"], row.where) == ("x", f"{pipe}:1")


def test_a_key_with_two_values_is_not_read_as_one(tmp_path, rejects):
    rows = read_rows(write(tmp_path / "a.jsonl", '{"t": "x"}\n{"t": "y", "t": "z"}\n'), rejects)
    assert (len(rows), rejects.by_reason) == (1, {"bad JSON: a key is there twice": 1})


def test_a_missing_column_gets_the_nearest_name_and_the_list(tmp_path, rejects):
    rows = read_rows(write(tmp_path / "a.csv", "toxic,neutral\nx,y\n"), rejects)
    assert pick_column(rows, None, ["text", "toxic"], "a.csv") == "toxic"
    with pytest.raises(BadData, match="no column 'toxcic'") as caught:
        pick_column(rows, "toxcic", [], "a.csv")
    assert caught.value.hint == "did you mean 'toxic'? the columns are toxic, neutral"
    with pytest.raises(BadData, match="no column named text or prompt") as caught:
        pick_column(rows, None, ["text", "prompt"], "a.csv", flag="--text-column")
    assert "--text-column" in caught.value.hint


def test_values_that_are_no_text_are_rejected_with_their_reason(tmp_path, rejects):
    lines = [
        '{"text": "x"}',
        '{"text": " "}',
        '{"text": 3}',
        '{"text": null}',
        '{"text": NaN}',
        '{"other": 1}',
    ]
    rows = read_rows(write(tmp_path / "a.jsonl", "\n".join(lines)), rejects)
    assert [row.values["text"] for row in rows_with_text(rows, "text", rejects)] == ["x"]
    assert rejects.by_reason == {
        "column 'text' is empty": 1,
        "column 'text' is not text but int": 1,
        "column 'text' is missing": 3,
    }
    with pytest.raises(BadData, match="in none of 6 rows"):
        rows_with_text(rows, "other", rejects)


def test_a_saved_data_set_is_read_by_split(tmp_path, rejects):
    import datasets

    folder = tmp_path / "saved"
    datasets.DatasetDict({"train": datasets.Dataset.from_list([{"text": "x"}])}).save_to_disk(folder)
    (row,) = read_rows(str(folder), rejects)
    assert (row.values["text"], row.where) == ("x", f"{folder}[train]:row 1")
    with pytest.raises(BadSettings, match="no split 'test'") as caught:
        read_rows(str(folder), rejects, split="test")
    assert "train" in caught.value.hint


def test_a_data_set_that_cannot_be_had_is_one_line(rejects):
    with pytest.raises(Missing) as caught:
        read_rows("nobody-here/no-such-data", rejects)
    assert "\n" not in str(caught.value)
    assert "local file" in caught.value.hint


def test_reading_json_lines_loads_nothing_heavy(tmp_path):
    source = write(tmp_path / "a.jsonl", '{"text": "x"}\n')
    script = (
        "import sys\nfrom detox_cli.data.reading import read_rows\n"
        "from detox_cli.data.rejects import Rejects\n"
        "from detox_cli.data.writing import write_rows\n"
        "write_rows('-', (row.values for row in read_rows(sys.argv[1], Rejects())))\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'pyarrow', 'numpy', 'pydantic', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    made = subprocess.run([sys.executable, "-c", script, source], capture_output=True, text=True)
    assert (made.stdout, made.stderr) == ('{"text": "x"}\n', "")
