"""Places that may only be read: a finished run is read, anything else is refused in one line, at once."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import DetoxError
from tests.conftest import Outcome
from tests.faults.closing import Close, closing, told
from tests.faults.commands import LINES, content, link_inputs, without_times

Detox = Callable[..., Outcome]
LONG = {
    "probe intervene",
    "probe diff",
    "train dpo",
    "train cmd",
    "train bart",
    "negate",
    "abliterate",
    "demo",
}
"""Lines that take seconds, which ``benchmarks/faults.py`` has run again in a closed place, as all others."""
MADE_BY = {"probe": "probe train", "retrieval": "probe retrieval"}
"""Inputs that are outputs of other lines."""


@pytest.fixture
def closed() -> Iterator[Close]:
    """Makes a folder or a file one that may only be read, until the end of the test."""
    with closing() as close:
        yield close


def words_of(name: str, output: str = "out") -> list[str]:
    return f"{LINES[name].replace('-o out', f'-o {output}')} --profile offline --json".split()


@pytest.mark.parametrize("name", LINES)
def test_no_command_begins_where_nothing_can_be_written(
    name: str, detox: Detox, closed: Close, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    monkeypatch.chdir(closed(tmp_path / "closed"))
    told(detox(*LINES[name].split()), "cannot be written")
    assert not list(Path().iterdir())
    told(detox(*LINES[name].replace("-o ", "-o new/").split()), "cannot be written")


@pytest.mark.parametrize("name", [name for name in LINES if name.partition(" --")[0] not in LONG])
def test_a_finished_run_that_may_only_be_read(
    name: str, inputs: Path, detox: Detox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made, line in MADE_BY.items():
        if made in LINES[name].split() and not (inputs / made).exists():
            monkeypatch.chdir(inputs)
            assert detox(*words_of(line, made)).code == 0
    place = link_inputs(inputs, tmp_path / "place")
    monkeypatch.chdir(place)
    first = detox(*words_of(name))
    assert first.code == 0, first.err
    before = content(place)
    with closing() as close:
        monkeypatch.chdir(close(place))
        again = detox(*words_of(name))
        assert again.code == 0, again.err
        assert without_times(json.loads(again.out)) == without_times(json.loads(first.out))
        told(detox(*words_of(name), "--overwrite"), "cannot be written")
    monkeypatch.chdir(tmp_path)
    assert content(place) == before
    if name == "report":  # which has no manifest: its page says what it is
        return
    own = (path for path in place.rglob("*detox.json") if not path.resolve().is_relative_to(inputs))
    max(own, key=lambda path: path.stat().st_mtime_ns).unlink()
    unfinished = content(place)
    with closing() as close:
        monkeypatch.chdir(close(place))
        refused = detox(*words_of(name))
        told(refused, "cannot be written")
        assert not re.search("loading (?!torch|scorers)", refused.err)
    monkeypatch.chdir(tmp_path)
    assert content(place) == unfinished


@pytest.mark.parametrize("output", ["out.jsonl", "out"])
def test_an_output_that_may_only_be_read_in_a_folder_that_may_be_written(
    output: str, detox: Detox, closed: Close, tiny_causal: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text("The weather is\nThat was silly\n")
    (tmp_path / "outputs").mkdir()
    made: dict[str, list[object]] = {
        "out.jsonl": ["generate", tiny_causal, tmp_path / "texts.txt"],
        "out": ["merge", tiny_causal, tiny_causal],
    }
    words = [*made[output], "-o", tmp_path / "outputs" / output]
    assert detox(*words).code == 0
    before = content(tmp_path / "outputs")
    closed(tmp_path / "outputs" / output)
    again = detox(*words)
    assert again.code == 0, again.err
    told(detox(*words, "--overwrite"), "cannot be written")
    assert content(tmp_path / "outputs") == before


def test_a_folder_that_is_closed_while_a_command_works(
    detox: Detox, closed: Close, tiny_causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detox_cli.runs.lock.refuse_unwritable", lambda path, overwrite: None)
    (tmp_path / "texts.txt").write_text("The weather is\n")
    (tmp_path / "closed").mkdir()
    output = closed(tmp_path / "closed") / "out.jsonl"
    told(detox("generate", tiny_causal, tmp_path / "texts.txt", "-o", output), "cannot be written")


def test_what_is_written_again_is_compared(closed: Close, tmp_path: Path) -> None:
    rows = [("a:1", "no text", {"id": "é"}), ("a:2", "no text", {})]
    place = tmp_path / "closed"
    with Rejects(place / "rejects.jsonl") as rejects:
        for row in rows:
            rejects.add(*row)
    write_rows(place / "rows.jsonl", [{"id": "1"}])
    before = content(tmp_path)
    closed(place)
    with Rejects(place / "rejects.jsonl") as rejects:
        for row in rows:
            rejects.add(*row)
        rejects.restore()
        with pytest.raises(DetoxError, match="cannot be written"):
            rejects.add("a:3", "no text", {})
    write_rows(place / "rows.jsonl", [{"id": "1"}])
    with pytest.raises(DetoxError, match="cannot be written"):
        write_rows(place / "rows.jsonl", [{"id": "2"}])
    assert content(tmp_path) == before
