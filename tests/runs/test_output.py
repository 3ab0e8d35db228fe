"""Claiming an output: fresh, resumable, finished, or somebody else's."""

import subprocess
import sys

import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadSettings, DetoxError, ExitCode
from detox_cli.runs.lock import output_lock
from detox_cli.runs.output import State, claim_output
from tests.manifests import write_plain


def run_once(path, fingerprint="f", rows=(1, 2), stop_after=None, overwrite=False):
    """What a service does; returns the state it met and how many rows it had to compute."""
    with claim_output(path, fingerprint, overwrite=overwrite) as claim:
        if claim.state is State.FINISHED:
            return claim.state, 0
        with claim.open_journal() as journal:
            before = len(journal)
            for row in rows[before:stop_after]:
                journal.append({"id": str(row), "value": row})
            if stop_after is not None:
                return claim.state, len(journal) - before
            write_rows(path, journal.records())
            computed = len(journal) - before
        write_plain(path, fingerprint=fingerprint)
        claim.finish()
        return claim.state, computed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "out.jsonl"


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_run_that_stops_is_continued_and_a_finished_one_is_not_repeated(path):
    assert run_once(path, stop_after=1) == (State.FRESH, 1)
    assert run_once(path) == (State.RESUMABLE, 1)
    assert run_once(path) == (State.FINISHED, 0)
    assert path.read_text() == '{"id": "1", "value": 1}\n{"id": "2", "value": 2}\n'
    assert names(path) == ["out.jsonl", "out.jsonl.detox.json"]


def test_another_run_may_not_take_a_finished_or_an_unfinished_output(path):
    run_once(path, stop_after=1)
    with pytest.raises(BadSettings, match="unfinished run"):
        run_once(path, "g")
    run_once(path)
    with pytest.raises(BadSettings, match="output of another run") as caught:
        run_once(path, "g")
    assert "--overwrite" in caught.value.hint
    assert run_once(path, "g", overwrite=True) == (State.FRESH, 2)
    assert run_once(path, "g") == (State.FINISHED, 0)


@pytest.mark.parametrize("done", [0, 1])
def test_only_a_failure_with_nothing_done_lets_another_run_begin(path, done):
    with claim_output(path, "f") as claim, pytest.raises(ValueError), claim.resumable_work() as journal:
        for number in range(done):
            journal.append({"id": str(number)})
        raise ValueError
    if done:
        with pytest.raises(BadSettings, match="unfinished run"):
            run_once(path, "g")
        assert run_once(path)[0] is State.RESUMABLE
    else:
        assert run_once(path, "g")[0] is State.FRESH


def test_a_file_of_the_users_is_not_overwritten(path):
    path.parent.mkdir()
    path.write_text("my own")
    with pytest.raises(BadSettings, match="no run has written"):
        run_once(path)
    assert path.read_text() == "my own"


def test_an_output_that_was_edited_is_not_taken_for_finished(path):
    run_once(path)
    path.write_text("edited\n")
    with pytest.raises(BadSettings, match="changed since"):
        run_once(path)


def test_overwriting_keeps_the_old_output_until_the_new_one_is_whole(path):
    run_once(path)
    old = path.read_text()
    run_once(path, "g", rows=(7, 8), stop_after=1, overwrite=True)
    assert path.read_text() == old
    assert run_once(path, "g", rows=(7, 8), overwrite=True) == (State.RESUMABLE, 1)
    assert "7" in path.read_text()


def test_overwriting_removes_what_cannot_be_continued(path):
    run_once(path, stop_after=1)
    assert run_once(path, "g", overwrite=True) == (State.FRESH, 2)
    path.with_name("out.jsonl.journal").write_text("damaged\n")
    with pytest.raises(DetoxError, match="no journal"):
        run_once(path, "g")
    assert run_once(path, "g", overwrite=True) == (State.FRESH, 2)


def test_two_processes_may_not_write_one_output(path):
    script = (
        "import sys; from detox_cli.runs.lock import output_lock\n"
        "with output_lock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DetoxError, match="another process") as caught:
            run_once(path)
        assert caught.value.exit_code is ExitCode.FAILED
        holder.kill()
    assert run_once(path) == (State.FRESH, 2)
    assert names(path) == ["out.jsonl", "out.jsonl.detox.json"]


def test_a_lock_is_free_again_after_an_error(path):
    for _ in range(2):
        with pytest.raises(RuntimeError), output_lock(path):
            raise RuntimeError
    assert names(path) == []
