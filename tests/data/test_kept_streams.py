"""stdin and pipes of the shell that are read twice: for their hash, then for their rows."""

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.runs.manifest import content_or_name, hash_file


def test_a_stream_that_was_hashed_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(pipe.write_bytes, b"one\ntwo\n")
        assert hash_file(pipe) == hash_file("-") == hashlib.sha256(b"one\ntwo\n").hexdigest()
    for source in ("-", str(pipe), "-"):
        assert [row.values["text"] for row in read_rows(source, Rejects())] == ["one", "two"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"three\n")))
    assert [row.values["text"] for row in read_rows("-", Rejects())] == ["three"]


def test_another_text_on_stdin_is_another_input(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for text in (b"one\n", b"two\n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        found.add(content_or_name("-"))
    assert len(found) == 2 and "-" not in found
    assert content_or_name("org/name") == "org/name"
