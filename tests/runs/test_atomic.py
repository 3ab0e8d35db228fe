"""Atomic outputs: the old one or the whole new one, whatever goes wrong."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detox_cli.errors import BadSettings, DetoxError, ExitCode
from detox_cli.runs import atomic
from detox_cli.runs.atomic import atomic_file, atomic_folder


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "new"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_inside_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_file(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_folder_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    with atomic_folder(path) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "w").write_text("new")
        assert names(path) == []
    assert (path / "sub" / "w").read_text() == "new"
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_full_folder_is_replaced_only_on_demand(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(BadSettings, match="something already") as caught, atomic_folder(path):
        pytest.fail("work began before the check")
    assert "--overwrite" in caught.value.hint
    with atomic_folder(path, overwrite=True) as temporary:
        (temporary / "new").write_text("new")
        assert names(path) == ["old"]
    assert names(path) == ["new"]
    assert names(tmp_path) == ["model"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is a call of Linux")
def test_two_folders_change_places_in_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert atomic._exchange(tmp_path / "a", tmp_path / "b")
    assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["b"], ["a"])


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    script = (
        "import os, sys; from detox_cli.runs.atomic import atomic_file, atomic_folder\n"
        "with atomic_file(sys.argv[1] + '/a.txt') as f, atomic_folder(sys.argv[1] + '/b') as d:\n"
        "    f.write_text('half'); (d / 'w').write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert len(names(tmp_path)) == 2
    with atomic_file(tmp_path / "a.txt") as f, atomic_folder(tmp_path / "b"):
        f.write_text("whole")
    assert names(tmp_path) == ["a.txt", "b"]


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    with atomic_file(tmp_path / "a.txt") as mine:
        mine.write_text("mine")
        other = mine.with_name(mine.name.replace(str(os.getpid()), "1"))
        other.write_text("of a living process")
        with atomic_file(tmp_path / "a.txt") as _:
            _.write_text("x")
            mine.write_text("mine")
        mine.write_text("mine")
    assert other.exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_one_sentence_whichever_library_meets_it(tmp_path, error):
    with pytest.raises(DetoxError) as caught, atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert caught.value.exit_code is ExitCode.FAILED
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "a.txt") in str(caught.value)
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DetoxError, match="cannot be written"), atomic_file(tmp_path / "file" / "a.txt"):
        pytest.fail("there is no such place")


def test_errors_of_the_work_itself_pass(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a.txt"):
        Path("/no/such/input").read_text()


def test_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    events = []
    sync, replace = atomic._sync, Path.replace

    def noted_sync(path):
        sync(path)
        events.append("folder" if path.is_dir() else "content")

    def noted_replace(self, target):
        events.append("name")
        return replace(self, target)

    monkeypatch.setattr(atomic, "_sync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert events == ["content", "name", "folder"]
