"""Keys go into a header of a request and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest

from detox_cli.errors import BadSettings
from detox_cli.generation.server_client import address, check_key_is_hidden
from detox_cli.scoring.load import load_text_scorer
from tests.conftest import Outcome
from tests.generation.faulty_server import faulty_server

KEY = "not-to-be-seen-anywhere"


def test_a_key_is_in_no_file_and_on_no_stream_even_when_all_fails(
    tmp_path: Path, detox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETOX_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", KEY)
    prompts = tmp_path / "p.txt"
    prompts.write_text("one\ntwo\n")
    refusal = (400, {}, json.dumps({"error": {"message": "no"}}))
    for number, faults in enumerate(([], [refusal] * 9)):
        output = tmp_path / f"out{number}.jsonl"
        with faulty_server(faults=faults) as server:
            words = (str(prompts), "--engine", "server", "--base-url", server.url, "-o", str(output))
            outcome: Outcome = detox("generate", "m", *words, "--debug", "--verbose", "--json")
        assert server.keys == {f"Bearer {KEY}"}
        assert KEY not in outcome.out + outcome.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 2 and not [path for path in written if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "box.localhost"])
def test_this_machine_may_be_asked_without_encryption(host: str) -> None:
    check_key_is_hidden(f"http://{host}:8000/v1", KEY, "--base-url", "")


@pytest.mark.parametrize(
    "host", ["example.org", "10.0.0.1", "localhost.example.org", "127.0.0.1.example.org"]
)
def test_another_machine_may_not(host: str) -> None:
    check_key_is_hidden(f"http://{host}/v1", None, "--base-url", "")
    check_key_is_hidden(f"https://{host}/v1", KEY, "--base-url", "")
    with pytest.raises(BadSettings, match="without encryption") as error:
        check_key_is_hidden(f"http://{host}/v1", KEY, "--base-url", "")
    assert KEY not in str(error.value)


def test_the_command_refuses_unless_told(tmp_path: Path, detox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOX_API_KEY", KEY)
    prompts = tmp_path / "p.txt"
    prompts.write_text("one\n")
    words = ("generate", "m", str(prompts), "-o", "-", "--engine", "server")
    refused: Outcome = detox(*words, "--base-url", "http://name.invalid/v1")
    assert refused.code == 2 and "--plain-http" in refused.err
    told: Outcome = detox(*words, "--base-url", "http://name.invalid/v1", "--plain-http")
    assert told.code == 4 and "no server answers" in told.err
    idle: Outcome = detox("generate", "builtin:lm", str(prompts), "-o", "-", "--plain-http")
    assert idle.code == 2 and "no meaning" in idle.err


def test_perspective_is_held_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("PERSPECTIVE_API_KEY", KEY)
    monkeypatch.setenv("PERSPECTIVE_URL", "http://example.org/v1")
    with pytest.raises(BadSettings, match="PERSPECTIVE_URL"):
        load_text_scorer("perspective").score(["good morning"])


def test_a_login_in_an_address_is_refused_without_being_repeated() -> None:
    with pytest.raises(BadSettings, match="login") as error:
        address(f"https://me:{KEY}@example.org/v1")
    assert KEY not in f"{error.value}{error.value.hint}"
