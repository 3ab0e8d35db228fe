"""``detox abliterate`` on the bundled chat model, from prompts to a folder that refuses less."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome

Detox = Callable[..., Outcome]
QUICK = ("--profile", "offline", "--parts", "refusals", "--parts", "task", "--task-rows", "40")
"""A verification of seconds."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``--measure-only`` writes for the chat model, once for all tests here."""
    folder = tmp_path_factory.mktemp("measured") / "chat"
    words = ("abliterate", "builtin:chat", "-o", str(folder), "--measure-only", "--profile", "offline")
    subprocess.run([sys.executable, "-m", "detox_cli", *words], check=True, capture_output=True)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but ``detox.json``, which holds times."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "detox.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_chat_model_stops_refusing_and_still_rewrites(detox: Detox, tmp_path: Path) -> None:
    """The figures of the README, from the command that it shows."""
    words = ("abliterate", "builtin:chat", "-o", tmp_path / "willing", "--profile", "offline")
    outcome = detox(*words, "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    found = result["verification"]
    before, after = (found["refusals"][side]["refused"] for side in ("before", "after"))
    assert before["mean"] > 0.25 and after["mean"] < 0.08 and after["high"] < before["low"]
    before, after = (found["task"][side]["scores"]["J"] for side in ("before", "after"))
    assert after["mean"] > before["mean"] - 0.05
    assert found["kl"]["mean"] < 0.13
    tensors = result["written"]["tensors"]
    assert tensors and all(tensor["residue"] <= tensor["limit"] for tensor in tensors)
    card = (tmp_path / "willing" / "README.md").read_text()
    assert "license: cc-by-sa-4.0" in card and "abliterated" in card and "Warning" in card
    assert (tmp_path / "willing" / "README.base.md").read_text().startswith("---")
    files = files_of(tmp_path / "willing")
    again = detox(*words, "--json")
    assert "finished already" in again.err and json.loads(again.out) == result
    assert files_of(tmp_path / "willing") == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["willing"]
