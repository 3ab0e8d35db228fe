"""``detox status --watch``: it looks until nothing runs, on a terminal or not, and says how it ended."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from detox_cli.errors import BadData
from detox_cli.output.progress import Silent
from detox_cli.runs.lock import announced, output_lock
from detox_cli.runs.status import Told
from detox_cli.services.status.watch import PATIENCE, watch
from tests.conftest import Outcome
from tests.manifests import write_plain

Step = Callable[[], None]


def unseen(*look: object) -> None:
    """Nobody looks."""


class Work:
    """A command at its work, a step whenever it is waited for; a clock that only the waiting moves."""

    def __init__(self, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.output, self.now = output, 0.0
        self.stack = ExitStack()
        self.told = Told(Silent(), output, ["train", "lm", "-o", str(output)])
        self.steps: Iterator[Step] = iter(())
        monkeypatch.setattr("detox_cli.runs.status.EVERY_SECONDS", 0.0)
        monkeypatch.setattr("time.sleep", self.wait)
        monkeypatch.setattr("time.monotonic", lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        next(self.steps, lambda: None)()

    def begin(self) -> None:
        self.stack.enter_context(output_lock(self.output))
        self.told.stage("training")
        self.task = self.stack.enter_context(self.told.task("steps", 100))

    def go_on(self) -> None:
        self.told.metric("loss", 2.5, 10)
        self.task.advance(20)

    def finish(self) -> None:
        self.output.write_text("rows")
        write_plain(self.output)
        self.told.remove()
        self.stack.close()

    def die(self) -> None:
        self.stack.close()
        self.told.tasks.append({"label": "steps", "total": 100, "done": 20, "already": 0})
        self.told.held = self.output.absolute()
        self.told.leave(KeyboardInterrupt())


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(tmp_path / "out", monkeypatch)


def test_a_run_is_watched_from_before_it_begins_until_it_has_ended(work: Work) -> None:
    told: list[str] = []
    work.steps = iter([work.begin, work.go_on, work.go_on, lambda: None, work.finish])
    result = watch([work.output], 2.0, lambda _, lines: told.extend(lines))
    assert [one.state for one in result.outputs] == ["finished"] and result.problem() is None
    assert [line.removeprefix(f"{work.output}: ").partition(", 0 s")[0] for line in told] == [
        "running, training; steps: 0/100 (0%)",
        "running, training; steps: 20/100 (20%), 10/s, loss 2.5",
        "running, training; steps: 40/100 (40%), 10/s, 6 s left, loss 2.5",
        "finished",
    ]


def test_what_is_stopped_while_it_is_watched_is_a_failure_that_says_how_to_go_on(work: Work) -> None:
    work.steps = iter([work.begin, work.go_on, work.die])
    result = watch([work.output.parent], 2.0, unseen)
    problem = result.problem()
    assert work.now == 6 and problem is not None and int(problem.exit_code) == 1
    assert "out: stopped: stopped by the user" in str(problem)
    assert problem.hint == f"the same command continues: detox train lm -o {work.output}"


def test_what_fails_and_leaves_nothing_is_a_failure_too(work: Work) -> None:
    work.begin()

    def fail() -> None:
        work.told.remove()
        work.stack.close()

    work.steps = iter([fail])
    result = watch([work.output], 2.0, unseen)
    assert "left nothing to go on from" in str(result.problem())


def test_an_old_stopped_run_beside_the_watched_one_is_no_failure(work: Work, tmp_path: Path) -> None:
    (tmp_path / "old.journal").write_text("{}\n")
    work.begin()
    work.steps = iter([work.finish])
    result = watch([tmp_path], 2.0, unseen)
    assert sorted(one.state for one in result.outputs) == ["finished", "stopped"]
    assert result.watched == [work.output] and result.problem() is None
    assert watch([tmp_path / "old"], 2.0, unseen).problem() is not None


def test_an_announced_work_that_goes_on_in_parts_has_not_ended(work: Work) -> None:
    part = work.output / "part"

    def begin_part() -> None:
        work.stack.enter_context(output_lock(part))
        work.told.stage("training")

    def finish_part() -> None:
        part.write_text("rows")
        write_plain(part)
        work.told.remove()
        work.stack.close()

    work.stack.enter_context(announced(work.output))
    work.told.stage("loading")
    work.steps = iter([begin_part, lambda: None, finish_part])
    result = watch([work.output], 2.0, unseen)
    assert [(one.output, one.state) for one in result.outputs] == [(part, "finished")]
    assert result.problem() is None and work.now >= 6


def test_where_nothing_begins_it_ends(work: Work) -> None:
    with pytest.raises(BadData, match="there is nothing"):
        watch([work.output], 2.0, unseen)
    assert work.now == pytest.approx(PATIENCE)


def test_finished_already(work: Work, detox: Callable[..., Outcome]) -> None:
    work.begin(), work.finish()
    done = detox("status", str(work.output), "--watch", "--json")
    assert done.code == 0 and json.loads(done.out)["outputs"][0]["state"] == "finished"
    assert done.err.startswith(f"{work.output}: finished, ")
    assert detox("status", str(work.output), "--watch", "-q") == Outcome(0, "finished\n", "")


WORKING = """
import sys, time
from pathlib import Path
from detox_cli.output.progress import Silent
from detox_cli.runs.lock import announced, output_lock
from detox_cli.runs.status import told
with told(Silent(), Path("out"), ["generate", "-o", "out"]) as progress, output_lock("out"):
    with progress.task("writing", 100, done=40) as task:
        time.sleep(60)
"""


@pytest.mark.parametrize(("by", "code"), [("kill", 1), ("ctrl-c", 130)])
def test_on_a_terminal_tables_stay_in_place_until_it_ends(by: str, code: int, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    words = [sys.executable, "-m", "detox_cli", "status", "out", "--watch", "--every", "0.1"]
    with subprocess.Popen([sys.executable, "-c", WORKING], cwd=tmp_path) as worker:
        try:
            seer = subprocess.Popen(
                words, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
                start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
            os.close(theirs)
            shown = ""
            while shown.count("40/100") < 2:
                shown += os.read(ours, 65536).decode()
            if by == "kill":
                worker.kill()
            else:
                seer.send_signal(signal.SIGINT)
            while True:
                try:
                    shown += os.read(ours, 65536).decode()
                except OSError:
                    break
            assert seer.wait() == code, shown
        finally:
            worker.kill()
    os.close(ours)
    assert "Traceback" not in shown and "\x1b[?25h" in shown.rpartition("\x1b[?25l")[2]
    assert ("the same command continues: detox generate -o out" in shown) == (by == "kill")
