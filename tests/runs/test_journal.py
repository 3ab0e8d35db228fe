"""The journal: whatever byte a run dies at, what it had finished is there, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detox_cli.errors import BadData, BadSettings, ExitCode
from detox_cli.runs.journal import Journal

RECORDS = [
    {"id": "a", "text": "one"},
    {"id": "б", "text": "two\nlines \ud800"},
    {"id": "c", "n": [1, 0.1, None]},
]


def fill(path, records=RECORDS, fingerprint="f"):
    path.unlink(missing_ok=True)
    with Journal(path, fingerprint) as journal:
        for record in records:
            journal.append(record)
    return path.read_bytes()


def test_records_of_earlier_runs_come_first(tmp_path):
    path = tmp_path / "deep" / "x.journal"
    fill(path)
    with Journal(path, "f") as journal:
        assert len(journal) == 3
        journal.append({"id": "d"})
        assert list(journal.records()) == [*RECORDS, {"id": "d"}]


def test_a_journal_cut_at_any_byte_gives_a_prefix_and_continues_to_the_same_bytes(tmp_path):
    path = tmp_path / "x.journal"
    whole = fill(path)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with Journal(path, "f") as journal:
            kept = list(journal.records())
            assert kept == RECORDS[: len(kept)]
            assert len(kept) == max(0, whole[:length].count(b"\n") - 1)
            for record in RECORDS[len(kept) :]:
                journal.append(record)
        assert path.read_bytes() == whole


@given(
    records=st.lists(
        st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3), max_size=6
    ),
    cut=st.floats(0, 1),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_records_survive_any_cut(tmp_path, records, cut):
    path = tmp_path / "x.journal"
    whole = fill(path, records)
    path.write_bytes(whole[: round(cut * len(whole))])
    with Journal(path, "f") as journal:
        kept = list(journal.records())
        assert kept == records[: len(kept)]
        for record in records[len(kept) :]:
            journal.append(record)
        assert list(journal.records()) == records


@pytest.mark.parametrize("damage", [b"\0\0\0\0\n", b'{"id": "x"\n', b"[1]\n", b"\xff\n"])
def test_a_damaged_line_before_the_end_is_named(tmp_path, damage):
    path = tmp_path / "x.journal"
    lines = fill(path).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    before = path.read_bytes()
    with pytest.raises(BadData, match="is damaged") as caught:
        Journal(path, "f")
    assert caught.value.where == f"{path}:3"
    assert path.read_bytes() == before


def test_another_run_is_refused_with_the_ways_out(tmp_path):
    path = tmp_path / "x.journal"
    before = fill(path)
    with pytest.raises(BadSettings, match="other settings") as caught:
        Journal(path, "g")
    assert "--overwrite" in caught.value.hint
    assert caught.value.exit_code is ExitCode.USAGE
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"my notes\n", b'{"id": "a"}\n', b"[1]\n", b"\x89PNG"])
def test_a_file_that_is_no_journal_is_not_touched(tmp_path, content):
    path = tmp_path / "x.journal"
    path.write_bytes(content)
    with pytest.raises(BadData, match="no journal"):
        Journal(path, "f")
    assert path.read_bytes() == content


def test_a_journal_of_another_format_is_refused(tmp_path):
    path = tmp_path / "x.journal"
    path.write_text(json.dumps({"journal": 99, "fingerprint": "f"}) + "\n")
    with pytest.raises(BadSettings, match="format 99"):
        Journal(path, "f")


@pytest.mark.parametrize(("seconds", "syncs"), [(0, 3 + 2), (3600, 2)])
def test_syncs_are_as_frequent_as_was_asked(tmp_path, monkeypatch, seconds, syncs):
    calls = []
    monkeypatch.setattr("os.fsync", calls.append)
    with Journal(tmp_path / "x.journal", "f", sync_seconds=seconds) as journal:
        for record in RECORDS:
            journal.append(record)
            assert (
                (tmp_path / "x.journal").read_bytes().endswith(b"}\n")
            )  # with the system before append returns
    assert len(calls) == syncs  # the header and closing are always synced


def test_nothing_of_a_long_torn_line_is_left(tmp_path):
    path = tmp_path / "x.journal"
    path.write_bytes(fill(path, RECORDS[:1]) + b'{"id": "torn", "text": "' + b"x" * 500)
    with Journal(path, "f") as journal:
        journal.append({"id": "b"})
    assert path.read_bytes() == fill(path, [RECORDS[0], {"id": "b"}])
