"""Texts with marked spans, in every way that they are written down in."""

import json
from pathlib import Path

import pytest

from detox_cli.data.marked.read import Columns, read_marked
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

TEXT = "you silly fool, go"
PLAIN = Columns()


def marked(path: Path, columns: Columns = PLAIN, rejects: Rejects | None = None) -> list[list[str]]:
    """The marked parts of each text."""
    read = read_marked(str(path), rejects or Rejects(), columns)
    return [[one.text[start:end] for start, end in one.spans] for one in read]


def write(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_offsets_and_spans_mean_the_same(tmp_path):
    csv = tmp_path / "tsd.csv"
    csv.write_text(f'spans,text\n"{[*range(4, 9), *range(10, 14)]}","{TEXT}"\n[],"  kind\nwords"\n')
    assert marked(csv) == [["silly", "fool"], []]
    assert read_marked(str(csv), Rejects(), Columns())[1].text == "  kind\nwords", "texts are not stripped"
    rows = [
        {"text": TEXT, "spans": [[10, 14], [4, 9], [5, 7]]},
        {"text": TEXT, "spans": [{"start": 4, "end": 9}]},
        {"text": TEXT, "spans": []},
    ]
    assert marked(write(tmp_path / "a.jsonl", *rows)) == [["silly", "fool"], ["silly"], []]


def test_types_and_votes_choose_spans(tmp_path):
    typed = [[4, 9, "Insult", 3], [10, 14, "Threat", 2]]
    file = write(tmp_path / "t.jsonl", {"text": TEXT, "majority_spans": [[4, 9]], "typed_spans": typed})
    assert marked(file) == [["silly"]]
    assert marked(file, Columns(spans="typed_spans")) == [["silly", "fool"]]
    assert marked(file, Columns(spans="typed_spans", types=("Threat",))) == [["fool"]]
    assert marked(file, Columns(spans="typed_spans", votes=3)) == [["silly"]]


def test_what_half_of_the_people_marked_counts(tmp_path):
    rationales = [[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [1, 0, 1, 0, 0]]
    file = write(
        tmp_path / "h.jsonl", {"post_tokens": ["you", "silly", "fool", ",", "go"], "rationales": rationales}
    )
    assert marked(file) == [["silly fool"]]
    (text,) = read_marked(str(file), Rejects(), Columns())
    assert text.text == "you silly fool , go"


def test_published_windows_of_word_pieces_become_characters(tmp_path):
    pieces = ["you", "caf", "##e", "fool", "[UNK]", "go"]
    row = {"content": "You CAFÉ fool☃ go", "tokenize_content": pieces, "score": [0, 1, 0, 0, 0], "toxic": 1}
    assert marked(write(tmp_path / "w.json", row)) == [["CAFÉ"]]
    row["score"] = [0, 0, 1, 1, 0]
    assert marked(write(tmp_path / "w.json", row)) == [["É fool☃"]]


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([[4, 99]], "ends outside of the text"),
        ([99], "ends outside of the text"),
        ([[9, 4]], "from 9 to 4"),
        ([-1], "from -1 to 0"),
        ("silly", "is no list"),
        (None, "is missing"),
        ([[1.5, 3]], "no span of two whole numbers"),
        ([True], "no span of two whole numbers"),
        (7, "is no list but int"),
    ],
)
def test_a_bad_span_is_a_bad_row(tmp_path, spans, reason):
    rejects = Rejects()
    file = write(tmp_path / "b.jsonl", {"text": TEXT, "spans": spans}, {"text": TEXT, "spans": []})
    assert marked(file, rejects=rejects) == [[]]
    ((said, count),) = rejects.by_reason.items()
    assert reason in said and TEXT not in said and count == 1


def test_a_file_without_spans_or_usable_rows_is_refused(tmp_path):
    with pytest.raises(BadData, match="has no column named spans"):
        marked(write(tmp_path / "a.jsonl", {"text": TEXT}))
    windows = {"content": "other words", "tokenize_content": ["you", "fool"], "score": [1]}
    with pytest.raises(BadData, match="number 1 is not in the text"):
        marked(write(tmp_path / "b.jsonl", windows))
