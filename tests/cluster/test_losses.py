"""A machine that is lost in the middle, and Ctrl+C: in the end the rows of one process, the cluster free."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import MACHINE

ROOT = Path(__file__).parents[2]
PATIENCE = 300
"""Seconds, on a machine that is busy with other things."""


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < PATIENCE, what
        time.sleep(0.05)


@pytest.fixture
def words(prompts: Path, cluster: Any) -> list[str]:
    """A command line with all but its output and its engine; it makes 80 answers in many batches."""
    drawing = ["--device", "cpu", "--max-new-tokens", "24", "--batch-tokens", "200", "--num-samples", "2"]
    return ["generate", "builtin:lm", str(prompts), *drawing, "-o"]


def start(words: list[str], output: Path, address: str, actors: int) -> subprocess.Popen[str]:
    """The command on a cluster, when a few of its rows are in the journal."""
    there = ["--engine", "ray", "--ray-address", address, "--ray-actors", str(actors)]
    process = subprocess.Popen(
        [sys.executable, "-m", "detox_cli", *words, str(output), *there],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DETOX_PROFILE": "offline"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    journal = output.with_name(f"{output.name}.journal")

    def has_rows() -> bool:
        return process.poll() is not None or (journal.exists() and journal.read_bytes().count(b"\n") > 4)

    until(has_rows, "no row was written")
    assert process.poll() is None, process.communicate()[1]
    return process


def test_a_lost_machine_costs_no_row(detox: Any, words: list[str], cluster: Any, tmp_path: Path) -> None:
    assert detox(*words, tmp_path / "alone.jsonl").code == 0
    third = cluster.add_node(**MACHINE)
    process = start(words, tmp_path / "out.jsonl", cluster.address, 3)
    cluster.remove_node(third, allow_graceful=False)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


def test_ctrl_c_leaves_the_cluster_free_and_what_can_be_gone_on_with(
    detox: Any, words: list[str], cluster: Any, tmp_path: Path
) -> None:
    assert detox(*words, tmp_path / "alone.jsonl").code == 0
    process = start(words, tmp_path / "out.jsonl", cluster.address, 2)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said and "the same command continues" in said
    assert not (tmp_path / "out.jsonl").exists()
    again = start(words, tmp_path / "out.jsonl", cluster.address, 2)
    said = again.communicate(timeout=PATIENCE)[1]
    assert again.returncode == 0, said
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()
