"""The pipelines on their page, run word for word in real shells, with the programs that stand in them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detox_cli.runs.status import status_path
from tests.docs.pages import ROOT, blocks

PIPELINES = [block.text for block in blocks(ROOT / "docs/pipelines.md") if block.language == "bash"]
PROGRAMS = ("jq", "split", "xargs", "parallel", "pv", "tee")
SENTENCES = (
    *("this game is garbage", "what a stupid idea", "you silly man , read it again"),
    *("the train was late again", "nobody asked for that", "good morning to all of you"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all, as a reader has it: later pipelines use what earlier ones made."""
    place = tmp_path_factory.mktemp("pipelines")
    (place / "comments.txt").write_text("".join(line + "\n" for line in SENTENCES))
    program = place / "bin" / "detox"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m detox_cli "$@"\n')
    program.chmod(0o755)
    return place


def bash(script: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Run a pipeline; whatever asks for colours in a terminal is asked for."""
    for program in PROGRAMS:
        if re.search(rf"\b{program}\b", script) and not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if "split -n" in script and "GNU" not in subprocess.getoutput("split --version"):
        pytest.skip("split is not that of GNU")
    environment = os.environ | {
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DETOX_PROFILE": "offline",
        "DETOX_CACHE": str(place / "cache"),
        "OMP_NUM_THREADS": "1",
        "FORCE_COLOR": "1",
        "CLICOLOR_FORCE": "1",
        "TERM": "xterm-256color",
    }
    words = ["bash", "-euo", "pipefail", "-c", script]
    ran = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr and "BrokenPipe" not in ran.stderr, ran.stderr
    return ran


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_page_has_five_of_them_with_these_programs() -> None:
    assert len(PIPELINES) == 5
    assert not [program for program in PROGRAMS if not any(program in text for text in PIPELINES)]


def test_written_chosen_kept_and_scored(place: Path) -> None:
    ran = bash(PIPELINES[0], place)
    assert ran.returncode == 0, ran.stderr
    kept = rows(place / "pairs.jsonl")
    assert kept and {row["toxic"] for row in kept} <= set(SENTENCES)
    assert not [row for row in kept if "empty" in row["flags"]]
    assert json.loads((place / "scores.json").read_text())["n"] == len(kept)
    assert "refusals" in ran.stderr, "the summary of the first command is for eyes"


def test_shared_and_joined_again(place: Path) -> None:
    ran = bash(PIPELINES[1], place)
    assert ran.returncode == 0, ran.stderr
    assert sorted(ran.stdout.split()) == ["out-part-aa.jsonl", "out-part-ab.jsonl"]
    answers = rows(place / "answers.jsonl")
    assert [(row["id"], row["prompt"]) for row in answers] == [
        (f"row-{number}", sentence) for number, sentence in enumerate(SENTENCES, start=1)
    ]


def test_a_page_for_each_output(place: Path) -> None:
    if not (place / "answers.jsonl").exists():
        pytest.skip("the pipeline before it did not run")
    ran = bash(PIPELINES[2], place)
    assert ran.returncode == 0, ran.stderr
    for name in ("out-part-aa", "out-part-ab"):
        page = (place / f"{name}.html").read_text().replace("<wbr>", "")
        assert f"{name}.jsonl: generate" in page


def test_what_was_stopped_goes_on(place: Path) -> None:
    stopped = place / "below" / "an answer.jsonl"
    stopped.parent.mkdir()
    command = [
        "generate",
        "builtin:lm",
        "comments.txt",
        "--max-new-tokens",
        "4",
        "-o",
        "below/an answer.jsonl",
    ]
    told = {
        "command": command,
        "started": time.time(),
        "updated": time.time(),
        "ended": "stopped by the user",
    }
    status_path(stopped).write_text(json.dumps(told))
    ran = bash(PIPELINES[3], place)
    assert ran.returncode == 0, ran.stderr
    assert len(rows(stopped)) == len(SENTENCES)
    assert not status_path(stopped).exists()


def test_a_closed_pipe_is_no_failure(place: Path) -> None:
    ran = bash(PIPELINES[4], place)
    # Six answers fit into the pipe: whether it is closed before the last one is a matter of time.
    assert ran.returncode in (0, 141) and "error" not in ran.stderr, ran
    assert len((place / "first.txt").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("detox completion zsh | head -n 1", 141),
        ("detox status nowhere --json | cat", 3),
        ("detox profile list >&-", 1),
        ("detox profile list -q 2>&- | grep -cx offline", 0),
        ("detox --help | cat > help.txt", 0),
    ],
)
def test_codes_of_pipelines(line: str, code: int, place: Path) -> None:
    ran = bash(line, place)
    assert ran.returncode == code, ran


def test_nothing_that_was_written_has_colours(place: Path) -> None:
    for path in place.rglob("*"):
        if path.is_file() and path.suffix in (".jsonl", ".json", ".txt", ".html"):
            assert b"\x1b" not in path.read_bytes(), path
