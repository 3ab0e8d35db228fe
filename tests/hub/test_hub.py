"""Models and data sets by their Hub ids: the real clients, and a hub on the loopback interface."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detox_cli.models.sources import MINIATURES
from tests.hub.server import COMMIT, GATED, hub

ROWS = [{"toxic": "this is a damn good idea"}, {"toxic": "what the hell is it"}]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("hub")
    (root / "models/somebody").mkdir(parents=True)
    (root / "models/somebody/chat").symlink_to(MINIATURES / "chat")
    sentences = root / "datasets/somebody/sentences"
    sentences.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (sentences / "train.jsonl").write_text(lines, encoding="utf-8")
    with hub(root) as address:
        yield address


@pytest.fixture
def environment(endpoint: str, tmp_path: Path) -> dict[str, str]:
    hidden = ("HF_", "HUGGING", "DETOX_", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1"}


def detox(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "detox_cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def synth(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return detox(environment, "synth", "pairs", "--temperature", "0", *words)


def test_a_data_set_and_a_model_come_from_the_hub_and_then_from_its_cache(
    environment: dict[str, str], tmp_path: Path
) -> None:
    fetched = tmp_path / "fetched.jsonl"
    done = synth(environment, "somebody/sentences", "-m", "somebody/chat", "-o", str(fetched))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in fetched.read_text().splitlines()]
    assert [row["toxic"] for row in rows] == [row["toxic"] for row in ROWS]
    assert {row["model_fingerprint"] for row in rows} == {COMMIT}

    bundled = tmp_path / "bundled.jsonl"
    assert synth(environment, "somebody/sentences", "-m", "builtin:chat", "-o", str(bundled)).returncode == 0
    same = [json.loads(line) for line in bundled.read_text().splitlines()]
    assert [row["neutral"] for row in rows] == [row["neutral"] for row in same]

    again = tmp_path / "offline.jsonl"
    words = ("somebody/sentences", "-m", "somebody/chat", "-o", str(again), "--offline")
    unreachable = environment | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    done = synth(unreachable, *words)
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == fetched.read_bytes()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("somebody/sentences", "-m", "somebody/nothing"), "no model somebody/nothing"),
        (("somebody/sentences", "-m", "somebody/chat", "--revision", "v9"), "has no revision v9"),
        (("somebody/sentences", "-m", GATED), "wants its terms accepted"),
        (("somebody/nothing", "-m", "builtin:chat"), "the data set 'somebody/nothing'"),
        (("somebody/sentences", "-m", "builtin:chat", "--split", "test"), "has no split 'test'"),
    ],
)
def test_what_the_hub_does_not_have_is_said_in_one_line(
    environment: dict[str, str], words: tuple[str, ...], reason: str
) -> None:
    done = synth(environment, *words)
    assert done.returncode in (2, 4), done.stderr
    assert done.stdout == ""
    assert sum(reason in line for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_model_of_the_hub_is_edited(environment: dict[str, str], tmp_path: Path) -> None:
    """Its files are fetched once; a dry run fetches nothing."""
    words = ("abliterate", "somebody/chat", "--dry-run", "--json")
    looked = detox(environment, *words)
    assert looked.returncode == 0, looked.stderr
    assert json.loads(looked.stdout)["notes"] == ["its files are not here yet"]
    place = ("--position", "-1", "--layer", "1", "--goal", "1", "--task-rows", "40", "--parts", "residues")
    out = tmp_path / "out"
    done = detox(
        environment, "abliterate", "somebody/chat", "-o", str(out), "--limit", "90", "--force", *place
    )
    assert done.returncode == 0, done.stderr
    made = json.loads((out / "detox.json").read_text())
    assert made["models"]["base"] == {"name": "somebody/chat", "revision": COMMIT, "fingerprint": COMMIT}
    assert (out / "README.md").read_text().count("base_model:\n- somebody/chat") == 1
    assert len(json.loads(detox(environment, *words, "--offline").stdout)["tensors"]) == 8
