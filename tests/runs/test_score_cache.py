"""The score cache: exact, shared by processes, and never silently broken."""

import subprocess
import sys
import threading

import pytest

from detox_cli.errors import DetoxError
from detox_cli.runs.folders import cache_folder
from detox_cli.runs.score_cache import ScoreCache


@pytest.fixture
def cache(tmp_path):
    return ScoreCache(tmp_path / "deep" / "scores.sqlite3")


def test_scores_come_back_exactly_and_by_scorer(cache):
    scores = {f"text {i} é": i / 7 for i in range(2500)}
    cache.put("a", scores)
    cache.put("b", {"text 0 é": -1e-300})
    assert cache.get("a", [*scores, "unknown"]) == scores
    assert cache.get("b", scores) == {"text 0 é": -1e-300}
    assert cache.get("c", scores) == {}
    assert cache.get("a", []) == {}


def test_a_second_put_replaces(cache):
    cache.put("a", {"x": 0.1})
    cache.put("a", {"x": 0.2})
    assert cache.get("a", ["x"]) == {"x": 0.2}


def test_it_is_there_for_the_next_run(cache):
    cache.put("a", {"x": 0.1})
    cache.close()
    assert ScoreCache(cache.path).get("a", ["x"]) == {"x": 0.1}


def test_texts_are_not_stored(cache):
    cache.put("a", {"a very particular text": 0.1})
    cache.close()
    assert b"particular" not in b"".join(file.read_bytes() for file in cache.path.parent.iterdir())


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(cache, score):
    with pytest.raises(ValueError, match="finite"):
        cache.put("a", {"x": 0.5, "y": score})
    assert cache.get("a", ["x"]) == {}


def test_the_default_place_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("DETOX_CACHE", str(tmp_path / "own"))
    assert ScoreCache().path.parent == tmp_path / "own" == cache_folder()
    monkeypatch.delenv("DETOX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "xdg" / "detox"


def test_many_processes_write_one_new_file(tmp_path):
    script = (
        "import sys; from detox_cli.runs.score_cache import ScoreCache\n"
        "cache, me = ScoreCache(sys.argv[1]), int(sys.argv[2])\n"
        "for step in range(25):\n"
        "    cache.put('own', {f'{me}-{step}-{i}': me + i / 64 for i in range(20)})\n"
        "    cache.put('shared', {f'{step}-{i}': i / 64 for i in range(20)})\n"
        "    assert len(cache.get('own', [f'{me}-{step}-{i}' for i in range(20)])) == 20\n"
    )
    path = tmp_path / "scores.sqlite3"
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), str(me)]) for me in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    own = {f"{me}-{step}-{i}": me + i / 64 for me in range(4) for step in range(25) for i in range(20)}
    shared = {f"{step}-{i}": i / 64 for step in range(25) for i in range(20)}
    cache = ScoreCache(path)
    assert (cache.get("own", own), cache.get("shared", shared)) == (own, shared)


def test_threads_share_one_cache(cache):
    def work(me: int) -> None:
        for step in range(20):
            cache.put("a", {f"{me}-{step}": float(me)})

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache.get("a", [f"{me}-{step}" for me in range(4) for step in range(20)])) == 80


def test_a_killed_writer_leaves_whole_puts(tmp_path):
    script = (
        "import sys, os; from detox_cli.runs.score_cache import ScoreCache\n"
        "cache = ScoreCache(sys.argv[1])\n"
        "for step in range(10**6):\n"
        "    cache.put('a', {f'{step}-{i}': 0.5 for i in range(10)}); print(step, flush=True)\n"
    )
    path = tmp_path / "scores.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        while int(writer.stdout.readline()) < 20:
            pass
        writer.kill()
        last = int((writer.stdout.read().split() or ["20"])[-1])
    counts = [len(ScoreCache(path).get("a", [f"{step}-{i}" for i in range(10)])) for step in range(last + 3)]
    assert counts[: last + 1] == [10] * (last + 1)
    assert set(counts) <= {0, 10}


def damage(path, how):
    cache = ScoreCache(path)
    cache.put("a", {str(i): 0.5 for i in range(3000)})
    cache.close()
    if how == "other file":
        path.write_bytes(b"this is not a database at all, but it is long enough " * 40)
    else:
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["other file", "overwritten pages"])
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path, how):
    path = tmp_path / "scores.sqlite3"
    damage(path, how)
    with pytest.raises(DetoxError, match="score cache is damaged") as caught:
        ScoreCache(path).get("a", ["1"])
    assert "delete that file" in caught.value.hint
    assert caught.value.where == str(path)


@pytest.mark.parametrize("how", ["other file", "overwritten pages"])
def test_a_damaged_file_is_moved_aside_with_a_warning(tmp_path, how):
    path = tmp_path / "scores.sqlite3"
    damage(path, how)
    warnings = []
    cache = ScoreCache(path, warnings.append)
    assert cache.get("a", ["1"]) == {}
    cache.put("a", {"1": 0.25})
    assert cache.get("a", ["1"]) == {"1": 0.25}
    (warning,) = warnings
    assert "damaged" in warning
    assert any(file.name in warning for file in tmp_path.iterdir() if "damaged-" in file.name)


def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DetoxError, match="cannot be used") as caught:
        ScoreCache(tmp_path / "file" / "scores.sqlite3").get("a", ["x"])
    assert "DETOX_CACHE" in caught.value.hint


def test_with_a_listener_work_goes_on_without_a_cache_after_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    warnings = []
    cache = ScoreCache(tmp_path / "file" / "scores.sqlite3", warnings.append)
    cache.put("a", {"x": 0.5})
    assert cache.get("a", ["x"]) == {}
    (warning,) = warnings
    assert "not remembered" in warning
