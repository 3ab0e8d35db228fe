"""The list of rows that cannot be used, beside one that an earlier run has left."""

from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings, DetoxError

ROWS = [("a:1", "no text", {"id": "é"}), ("a:2", "no text", {"lone": "\udc80"}), ("a:3", "no number", [1])]
OTHER = ("b:1", "no text", {})


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    path = tmp_path / "lists" / "rejects.jsonl"
    listed(path, *ROWS)
    return path


def listed(
    path: Path, *rows: tuple[str, str, object], end: type[BaseException] | None = None, restored: bool = False
) -> list[bytes]:
    """The lines after a run that could not use ``rows``."""
    try:
        with Rejects(path) as rejects:
            for row in rows:
                rejects.add(*row)
            if restored:
                rejects.restore()
            if end is not None:
                raise end("x")
    except (DetoxError, KeyboardInterrupt):
        pass
    return path.read_bytes().splitlines() if path.exists() else []


def test_rows_are_written_as_they_come(tmp_path: Path) -> None:
    with Rejects(tmp_path / "new" / "rejects.jsonl") as rejects:
        for number, row in enumerate(ROWS, start=1):
            rejects.add(*row)
            assert rejects.path is not None and len(rejects.path.read_bytes().splitlines()) == number
    assert rejects.by_reason == {"no text": 2, "no number": 1} and rejects.count == 3


def test_the_same_rows_change_nothing(earlier: Path) -> None:
    before = earlier.stat().st_mtime_ns, earlier.read_bytes()
    listed(earlier, *ROWS)
    listed(earlier, ROWS[0], end=KeyboardInterrupt)
    listed(earlier, end=BadSettings)
    listed(earlier, ROWS[0], restored=True)
    assert (earlier.stat().st_mtime_ns, earlier.read_bytes()) == before
    assert b"\n".join([*listed(earlier, OTHER, restored=True), b""]) == before[1]


def test_other_rows_take_their_place(earlier: Path) -> None:
    old = earlier.read_bytes().splitlines()
    assert listed(earlier, *ROWS, OTHER)[:3] == old
    assert listed(earlier, *ROWS[:2], end=DetoxError) == old[:2]
    first, other = listed(earlier, ROWS[0], OTHER)
    assert first == old[0] and b"b:1" in other
    assert listed(earlier) == [] and not earlier.exists()


def test_what_is_no_list_of_rows_stays(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text("mine\n")
    with pytest.raises(BadSettings, match="no list of rejected rows"):
        Rejects(tmp_path / "rejects.jsonl")
    assert (tmp_path / "rejects.jsonl").read_text() == "mine\n"
