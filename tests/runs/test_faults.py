"""Faults of the world: a process killed at any moment, a disk that is full."""

import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detox_cli.runs.journal import Journal
from detox_cli.runs.score_cache import ScoreCache

WRITER = """
import sys, time
from pathlib import Path
from detox_cli.data.writing import write_rows
from detox_cli.runs.manifest import write_manifest
from detox_cli.runs.output import State, claim_output

path = Path(sys.argv[1])
with claim_output(path, "f") as claim:
    if claim.state is not State.FINISHED:
        with claim.open_journal() as journal:
            for number in range(len(journal), 300):
                journal.append({"id": str(number), "text": "row é " * (number % 40)})
                time.sleep(0.0004)
            write_rows(path, journal.records())
        write_manifest(path, command="test", settings={}, inputs=[], models={}, scorers={}, metrics={},
                       started=time.time(), fingerprint="f")
        claim.finish()
print("done")
"""

LIMITED = """
import sys
from detox_cli.data.writing import write_rows
from detox_cli.errors import DetoxError
from detox_cli.runs.journal import Journal
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.score_cache import ScoreCache

what, place = sys.argv[1], sys.argv[2]
big = [{"id": str(n), "text": "x" * 1000} for n in range(3000)]
try:
    if what == "folder":
        with atomic_folder(place, overwrite=True) as folder:
            for n in range(30):
                (folder / f"part-{n}").write_bytes(b"x" * 100_000)
    elif what == "cache":
        cache = ScoreCache(place)
        cache.put("a", {"first": 0.25})
        for n in range(100):
            cache.put("a", {f"{n}-{i}": 0.5 for i in range(1000)})
    elif what == "journal":
        with Journal(place, "f") as journal:
            for row in big:
                journal.append(row)
    else:
        write_rows(place, big)
except DetoxError as error:
    print(error, file=sys.stderr)
    sys.exit(int(error.exit_code))
"""


def python(script: str, *arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, **options
    )


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_run_killed_again_and_again_ends_with_the_same_bytes(tmp_path):
    whole, killed = tmp_path / "whole" / "out.jsonl", tmp_path / "killed" / "out.jsonl"
    assert python(WRITER, str(whole)).stdout == "done\n"
    chance = random.Random(0)
    journal, kills = killed.with_name("out.jsonl.journal"), 0
    while not killed.exists():
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(killed)], stdout=subprocess.DEVNULL)
        before = size(journal)
        while size(journal) == before and writer.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.06))
        kills += writer.poll() is None
        writer.kill()
        writer.wait()
        assert names(killed.parent), "the journal must survive"
    assert kills >= 2
    assert python(WRITER, str(killed)).stdout == "done\n"
    assert killed.read_bytes() == whole.read_bytes()
    assert names(killed.parent) == names(whole.parent) == ["out.jsonl", "out.jsonl.detox.json"]


@pytest.fixture(params=["small disk", "file size limit"])
def narrow(request, tmp_path):
    """A place with about one megabyte, and how to start a process there."""
    if request.param == "file size limit":
        limit = (1_000_000, 1_000_000)
        yield tmp_path, {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}
        return
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only a superuser who may mount can make a small disk")
    yield place, {}
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_a_full_disk_leaves_the_old_file_and_one_line(narrow, name):
    place, options = narrow
    (place / name).write_text("old")
    made = python(
        LIMITED.replace('"x" * 1000', "__import__('random').Random(n).randbytes(500).hex()"),
        "file",
        str(place / name),
        **options,
    )
    assert made.returncode == 1, made.stderr
    assert made.stderr.count("\n") == 1
    assert str(place / name) in made.stderr
    assert (place / name).read_text() == "old"
    assert names(place) == [name]


def test_a_full_disk_leaves_the_old_folder(narrow):
    place, options = narrow
    if options:
        pytest.skip("a limit on one file's size does not limit a folder")
    (place / "model").mkdir()
    (place / "model" / "weights").write_text("old")
    made = python(LIMITED, "folder", str(place / "model"), **options)
    assert (made.returncode, made.stderr.count("\n")) == (1, 1), made.stderr
    assert names(place) == ["model"]
    assert (place / "model" / "weights").read_text() == "old"


def test_a_journal_on_a_full_disk_can_be_continued_when_there_is_room(narrow, tmp_path):
    place, options = narrow
    path = place / "x.journal"
    made = python(LIMITED, "journal", str(path), **options)
    assert (made.returncode, made.stderr.count("\n")) == (1, 1), made.stderr
    content = path.read_bytes()
    assert content.endswith(b"}\n")
    roomy = tmp_path / "roomy.journal"
    roomy.write_bytes(content)
    with Journal(roomy, "f") as journal:
        assert 500 < len(journal) < 1100
        assert [record["id"] for record in journal.records()] == [str(n) for n in range(len(journal))]


def test_a_score_cache_on_a_full_disk_keeps_what_it_has(narrow):
    place, options = narrow
    path = place / "scores.sqlite3"
    made = python(LIMITED, "cache", str(path), **options)
    assert (made.returncode, made.stderr.count("\n")) == (1, 1), made.stderr
    cache = ScoreCache(path)
    assert cache.get("a", ["first", "0-0"]) == {"first": 0.25, "0-0": 0.5}
    cache.close()
