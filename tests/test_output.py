"""What goes to which stream, and in which form."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.output.lines import Lines
from detox_cli.output.listener import listener
from detox_cli.output.progress import Progress, Silent
from detox_cli.output.quantities import duration, rate
from detox_cli.output.report import plain, show
from detox_cli.output.terminal import Terminal
from detox_cli.runs.pace import Pace
from detox_cli.services.result import ROWS, AtHand, Result, Table
from tests.conftest import Outcome
from tests.recorder import Recorder


class Scores(Result):
    """A result with everything."""

    toxicity: float = 0.123456

    def tables(self) -> list[Table]:
        rows = [["copy", 0.5, None], ["a rewriter", 0.123456, 12]]
        return [Table(title="scores", columns=["system", "STA", "n"], rows=rows, caption="higher is better")]

    def headline(self) -> str:
        return "0.1235"

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        return ["detox generate out"]


SCORES = Scores(files=[Path("out/scores.jsonl")])


def test_a_table_is_aligned_text_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(SCORES)
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "scores",
        "system         STA   n",
        "copy           0.5   -",
        "a rewriter  0.1235  12",
        "higher is better",
        "out/scores.jsonl",
    ]
    assert told.err == "next: detox generate out\n"


def test_the_next_command_needs_no_network_where_this_one_needed_none(capsys):
    class Tuned(Scores):
        def next_steps(self, rows: AtHand = ROWS) -> list[str]:
            return [f"detox eval generation out --prompts {rows.prompts}", "open out/report.html"]

    show(Tuned(), profiles=("offline", "pseudoparadetox"))
    assert capsys.readouterr().err.splitlines() == [
        "next: detox eval generation out --prompts builtin:openings --profile offline",
        "next: open out/report.html",
    ]


def test_json_is_one_document_with_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    show(SCORES, as_json=True)
    told = capsys.readouterr()
    assert json.loads(told.out) == {"files": ["out/scores.jsonl"], "toxicity": 0.123456}
    assert told.err == ""


def test_quiet_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    show(SCORES, quiet=True)
    assert capsys.readouterr() == ("0.1235\n", "")


@pytest.mark.parametrize("form", [{}, {"as_json": True}, {"quiet": True}])
def test_nothing_is_mixed_into_rows_on_stdout(
    form: dict[str, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    show(SCORES, rows_on_stdout=True, **form)
    assert capsys.readouterr().out == ""


def test_cells_keep_to_one_line() -> None:
    table = Table(title="t", columns=["text"], rows=[["two\nlines"]])
    assert plain(table) == "t\ntext\ntwo lines"


def read_all(descriptor: int) -> str:
    found = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            return found.decode()
        if not part:
            return found.decode()
        found += part


@pytest.mark.parametrize(("no_colour", "expected"), [(None, True), ("1", False)])
def test_a_terminal_gets_bold_headings_and_no_color_holds(
    no_colour: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_colour:
        monkeypatch.setenv("NO_COLOR", no_colour)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        Terminal(_console(stream)).warn("careful")
    told = read_all(ours)
    os.close(ours)
    assert "careful" in told
    assert ("\x1b[33m" in told) is expected


def _console(stream: io.TextIOBase):
    from rich.console import Console

    return Console(file=stream)


def work(progress: Progress) -> None:
    """Say everything that can be said."""
    progress.stage("reading [bold]rows[/bold]")
    with progress.task("rows", 10, done=4) as task:
        task.advance(6)
    progress.metric("loss", 0.123456, step=3)
    progress.metric("loss", 0.1, step=4)
    progress.warn("careful")
    progress.detail("a detail")


def test_lines_tell_a_log_everything_but_details() -> None:
    stream = io.StringIO()
    work(Lines(stream))
    assert stream.getvalue().splitlines() == [
        "reading [bold]rows[/bold]",
        "rows: 4 already done",
        "rows: 10/10 (100%)",
        "loss 0.1235 (step 3)",
        "loss 0.1 (step 4)",
        "warning: careful",
    ]


def test_verbose_lines_tell_details_too() -> None:
    stream = io.StringIO()
    work(Lines(stream, verbose=True))
    assert stream.getvalue().endswith("a detail\n")


def test_a_long_task_speaks_every_5_percent_or_30_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("detox_cli.output.lines.peak_memory", lambda: {"process": 2_140_000_000})
    stream = io.StringIO()
    with Lines(stream).task("rows", 1000) as task:
        for _ in range(100):
            now[0] += 2.0
            task.advance()
    told = stream.getvalue().splitlines()
    assert told[0] == "rows: 15/1000 (2%), 0.5/s, 33 min left, 2.1 GB"
    assert len(told) == 7


def test_numbers_stand_in_the_line_of_the_work_they_belong_to(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.task("training", 100) as task:
        for step in range(1, 101):
            now[0] += 0.125
            lines.metric("loss", 1 / step, step)
            lines.metric("accuracy", step / 100, step)
            task.advance()
    told = stream.getvalue().splitlines()
    assert len(told) == 13
    assert told[0] == "training: 8/100 (8%), 8/s, 12 s left, loss 0.125, accuracy 0.08 (step 8)"


def test_steps_that_take_longer_than_a_rate_looks_back_have_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = Pace(10, done=5)
    assert (pace.per_second(), pace.seconds_left()) == (None, None)
    for _ in range(2):
        now[0] += 100
        pace.advance()
    now[0] += 30
    assert pace.seconds_left() == pytest.approx(300 - 30)
    assert rate(pace.per_second() or 0) == "2 min each"


def test_a_rate_is_that_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = Pace(None)
    for _ in range(1000):
        now[0] += 0.125
        pace.advance(100)
    for _ in range(1200):
        now[0] += 0.125
        pace.advance(1)
    assert pace.per_second() == pytest.approx(8)


def test_a_terminal_shows_the_same_and_takes_text_literally() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with Terminal(console) as terminal:
        work(terminal)
        terminal.live.refresh()
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "reading [bold]rows[/bold]" in told
    assert "loss 0.1 (step 4)" in told
    assert "warning: careful" in told
    assert "a detail" not in told


ROWS_AND_BARS = """
from detox_cli.output.listener import listener
with listener() as progress:
    with progress.task("rows", 1) as task:
        print("a row", flush=True)
        task.advance()
"""


def test_bars_in_a_terminal_leave_rows_in_a_pipe_alone() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-c", ROWS_AND_BARS], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        drawn = read_all(ours)
        assert process.stdout is not None
        assert process.stdout.read() == b"a row\n"
    os.close(ours)
    assert "a row" not in drawn


def test_the_recorder_and_silence_listen_to_all_of_it() -> None:
    recorder = Recorder()
    work(recorder)
    work(Silent())
    assert recorder.tasks[0].done == 10
    assert recorder.metrics[-1] == ("loss", 0.1, 4)


def test_side_processes_print_no_report(
    detox: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert detox("profile", "list") == Outcome(0, "", "")


def test_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as found:
        assert isinstance(found, Lines)
    with listener(quiet=True) as found:
        assert isinstance(found, Silent)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with listener() as found:
        assert isinstance(found, Terminal)
    with listener(verbose=True) as found:
        assert isinstance(found, Lines)
    monkeypatch.setenv("RANK", "1")
    with listener() as found:
        assert isinstance(found, Silent)


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_commands_keep_their_report_on_stdout(detox: Callable[..., Outcome]) -> None:
    outcome = detox("profile", "list", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert "offline" in json.loads(outcome.out)["profiles"]
    assert "offline" in detox("profile", "list", "-q").out.split()
