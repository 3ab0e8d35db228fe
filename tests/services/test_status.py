"""``detox status``: every state of an output, while it works and after it was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from detox_cli.errors import BadData
from detox_cli.runs.journal import Journal
from detox_cli.runs.lock import announced, output_lock
from detox_cli.runs.output import journal_path, status_path
from detox_cli.runs.status import read_status, told
from detox_cli.services.status.outputs import look_at
from detox_cli.services.status.run import run
from tests.conftest import Outcome
from tests.manifests import write_plain
from tests.recorder import Recorder

WORK = """
import sys, time
from pathlib import Path
from detox_cli.output.progress import Silent
from detox_cli.runs.lock import announced, output_lock
from detox_cli.runs.status import told

output = Path(sys.argv[1])
with told(Silent(), output, ["generate", "m", "-o", str(output)]) as progress, output_lock(output):
    with progress.task("writing", 100, done=40) as task:
        for _ in range(10):
            time.sleep(0.01)
            task.advance()
        progress.stage("half of it")
        time.sleep(60)
"""


def finished(path: Path) -> Path:
    path.write_text("rows\n")
    metrics = {"toxicity": {"mean": 0.25, "low": 0.2, "high": 0.3, "n": 9}, "kept": 9, "none": None}
    write_plain(path, metrics=metrics)
    return path


def test_a_finished_output_tells_its_numbers_and_a_changed_one_that_it_is_changed(tmp_path: Path) -> None:
    output = finished(tmp_path / "rows.jsonl")
    one = look_at(output)
    assert (one.state, one.command, one.problem) == ("finished", "generate", None)
    assert one.metrics == {"toxicity": 0.25, "kept": 9}
    output.write_text("other rows\n")
    assert look_at(output).state == "changed"


def test_a_killed_process_leaves_how_far_it_came(tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", WORK, str(output)])
    try:
        while (read_status(output) or {}).get("stage") != "half of it":
            assert process.poll() is None
            time.sleep(0.02)
        one = look_at(output)
        assert (one.state, one.stage, one.problem) == ("running", "half of it", None)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    one = look_at(output)
    assert one.state == "stopped" and "kill -9" in (one.problem or "")
    assert one.command == f"generate m -o {output}"
    (part,) = one.parts
    assert (part.done, part.total) == (50, 100)
    # What the earlier run had done, 40, does not count as this run's speed.
    assert part.per_second and part.seconds_left == pytest.approx(50 / part.per_second, rel=0.2)


@pytest.mark.parametrize(
    ("error", "journal", "stays"),
    [
        (ZeroDivisionError("by zero"), True, True),
        (ZeroDivisionError("by zero"), False, False),
        (KeyboardInterrupt(), False, True),
    ],
)
def test_what_can_be_gone_on_with_stays(
    error: BaseException, journal: bool, stays: bool, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    if journal:
        Journal(journal_path(output), "f").close()
    failing = pytest.raises(type(error))
    with failing, told(Recorder(), output, ["x"]) as progress, output_lock(output), progress.task("work", 2):
        raise error
    assert status_path(output).exists() == stays
    if stays:
        assert look_at(output).state == "stopped" and look_at(output).parts[0].total == 2


def test_success_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with told(Recorder(), output, ["x"]) as progress, output_lock(output), progress.task("work", 2) as task:
        task.advance()
        assert status_path(output).exists()
    assert not status_path(output).exists()


def test_who_does_not_hold_the_output_writes_nothing_about_it(tmp_path: Path) -> None:
    recorder = Recorder()
    with told(recorder, tmp_path / "out", ["x"]) as progress:
        progress.stage("loading")
        progress.warn("careful")
        progress.metric("loss", 2.0, 1)
    assert (recorder.stages, recorder.warnings, recorder.metrics) == (
        ["loading"],
        ["careful"],
        [("loss", 2.0, 1)],
    )
    assert not list(tmp_path.iterdir())


def test_a_command_shows_itself_before_it_has_loaded_anything(
    tmp_path: Path, detox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, seen = tmp_path / "new" / "deep" / "out.jsonl", []

    def load(*_: object) -> None:
        seen.append(look_at(output))
        raise BadData("nothing can be read")

    monkeypatch.setattr("detox_cli.services.generate.run.run", load)
    words = ["generate", "builtin:lm", "texts.txt", "-o", str(output)]
    assert detox(*words).code == BadData("").exit_code
    assert [(one.state, one.stage) for one in seen] == [("running", "loading torch…")]
    assert not list(tmp_path.iterdir()), "a refused command leaves neither a lock nor a folder"
    assert detox(*words, "--dry-run").code and not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt])
def test_who_only_loaded_leaves_the_last_word_to_an_earlier_process(
    ending: type[BaseException], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    Journal(journal_path(output), "f").close()
    with suppress(KeyboardInterrupt), told(Recorder(), output, ["x"]) as progress, output_lock(output):
        progress.stage("half of it")
        raise KeyboardInterrupt
    with pytest.raises(ending), announced(output), told(Recorder(), output, ["x"]) as progress:
        progress.stage("loading")
        assert look_at(output).stage == "loading"
        raise ending
    assert (look_at(output).state, look_at(output).stage) == ("stopped", "half of it")


def test_a_finished_output_is_no_stopped_one_after_a_kill_while_loading(tmp_path: Path) -> None:
    output = finished(tmp_path / "rows.jsonl")
    with announced(output), told(Recorder(), output, ["x"]) as progress:
        progress.stage("loading")
        left = status_path(output).read_bytes()
    status_path(output).write_bytes(left)  # as a kill would leave it
    assert look_at(output).state == "finished"


def test_a_status_inside_a_folder_is_no_part_of_what_the_folder_holds(tmp_path: Path, detox: Any) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "Good morning"}\n{"prompt": "How are"}\n')
    words = ("eval", "generation", "builtin:lm", "--prompts", str(prompts), "--num-samples", "2")
    words = (*words, "--profile", "offline", "-o", str(tmp_path / "out"))
    assert detox(*words).code == 0
    assert look_at(tmp_path / "out").state == "finished"
    again: Outcome = detox(*words)
    assert again.code == 0, again


def test_a_part_of_a_longer_work_speaks_for_itself_and_then_makes_way(tmp_path: Path) -> None:
    whole, first, second = tmp_path, tmp_path / "first", tmp_path / "second"
    with told(Recorder(), whole, ["demo"]) as progress:
        with output_lock(first):
            progress.stage("first")
            assert status_path(first).exists()
        with output_lock(second):
            progress.stage("second")
            assert not status_path(first).exists() and status_path(second).exists()
    assert not status_path(second).exists()


def test_no_secret_is_written(tmp_path: Path) -> None:
    output = tmp_path / "out"
    words = [
        "x",
        "--password",
        "quiet",
        "--api-key=quiet",
        "--server",
        "https://me:quiet@host/v1",
        "--passes",
        "3",
    ]
    with told(Recorder(), output, words) as progress, output_lock(output):
        progress.stage("at it")
        assert "quiet" not in status_path(output).read_text()
        assert (look_at(output).command or "").endswith("'https://***@host/v1' --passes 3")


def test_a_folder_lists_what_is_inside_and_a_journal_counts_its_records(tmp_path: Path, detox: Any) -> None:
    finished(tmp_path / "a.jsonl")
    with Journal(journal_path(tmp_path / "b.jsonl"), "f") as journal:
        journal.append({"id": 1})
        journal.append({"id": 2})
    outcome: Outcome = detox("status", str(tmp_path), "--json")
    found = json.loads(outcome.out)["outputs"]
    assert [(Path(one["output"]).name, one["state"], one["records"]) for one in found] == [
        ("a.jsonl", "finished", None),
        ("b.jsonl", "stopped", 2),
    ]
    assert "2 records in the journal" in detox("status", str(tmp_path)).out


def test_the_folder_one_stands_in_may_be_named_by_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path / "a.jsonl")
    monkeypatch.chdir(tmp_path)
    assert [one.state for one in run([Path(), Path("a.jsonl")]).outputs] == ["finished"]


def test_folders_of_work_and_the_journal_of_a_sweep_stand_for_their_output(tmp_path: Path) -> None:
    output = tmp_path / "out"
    Journal(tmp_path / "out.sweep.journal", "f").close()
    for ending, journal in ((".training", "metrics"), (".unfinished", "rows"), (".stages", "answers-ab")):
        (tmp_path / f"out{ending}").mkdir()
        Journal(tmp_path / f"out{ending}" / f"{journal}.journal", "f").close()
    with told(Recorder(), output, ["negate"]) as progress, output_lock(output):
        progress.stage("at it")
        for places in (sorted(tmp_path.glob("[!.]*")), [tmp_path]):
            assert [one.output.name for one in run(places).outputs] == ["out"]


def test_nothing_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="there is nothing"):
        run([tmp_path / "absent"])
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadData, match="no command has written this"):
        run([tmp_path / "mine.txt"])
