"""``--dry-run`` looks at everything that the settings name, and changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome


@pytest.fixture
def toxic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file of sentences in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    Path("toxic.txt").write_text("That was a silly comment.\n")
    return "toxic.txt"


def test_a_plan_tells_inputs_models_and_outputs(
    toxic: str, tiny_causal: Path, detox: Callable[..., Outcome]
) -> None:
    words = ("synth", "pairs", toxic, "-m", tiny_causal, "-o", "pairs.jsonl", "--dry-run")
    outcome = detox(*words, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)["things"] == [
        ["INPUT", "toxic.txt", "26 bytes"],
        ["--model", str(tiny_causal), f"folder {tiny_causal}"],
        ["--output", "pairs.jsonl", "will be written"],
    ]
    assert detox(*words, "-q").out == "ok\n"
    assert "tokens written per second" in detox(*words).out
    assert sorted(path.name for path in Path().iterdir()) == ["toxic.txt"]


@pytest.mark.parametrize(
    ("command", "rounds"),
    [(("synth", "pairs", "-m"), 3), (("generate", "--num-samples", "2"), 1)],
)
def test_a_plan_says_tokens_and_hours(
    command: tuple[str, ...], rounds: int, tiny_causal: Path, tmp_path: Path, detox: Callable[..., Outcome]
) -> None:
    (tmp_path / "three.txt").write_text("A silly idea.\nA useless idea.\nA dull idea.\n")
    words = [*command, tiny_causal, tmp_path / "three.txt", "-o", tmp_path / "out.jsonl"]
    several = ["--num-candidates", "2", "--retries", "2", "--profile", "offline"]
    more = several if "pairs" in command else []
    told = detox(*words, *more, "--temperature", "1", "--max-new-tokens", "50", "--dry-run", "--json")
    found = json.loads(told.out)
    assert (found["prompts"], found["answers"], found["most"]) == (3, 6, 6 * rounds)
    assert found["written"] == 6 * rounds * 50
    hours = {"100": 6 * rounds * 50 / 360_000, "1000": 6 * rounds * 50 / 3_600_000}
    assert {rate: found["hours"][rate] for rate in hours} == pytest.approx(hours)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("command", [("synth", "pairs", "-m", "some"), ("generate", "some")])
def test_a_server_is_not_asked(command: tuple[str, ...], toxic: str, detox: Callable[..., Outcome]) -> None:
    nobody = ("--engine", "server", "--base-url", "http://127.0.0.1:9/v1", "-o", "out.jsonl")
    outcome = detox(*command, toxic, *nobody, "--dry-run")
    assert outcome.code == 0, outcome.err
    assert "behind a server, not asked" in outcome.out


def test_a_plan_for_rows_on_stdout_is_itself_on_stdout(
    toxic: str, tiny_causal: Path, detox: Callable[..., Outcome]
) -> None:
    outcome = detox("synth", "pairs", toxic, "-m", tiny_causal, "--dry-run")
    assert "standard output" in outcome.out


def test_a_missing_input_is_named(tiny_causal: Path, detox: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = detox("synth", "pairs", tmp_path / "nope.csv", "-m", tiny_causal, "--dry-run")
    assert outcome.code == 3
    assert outcome.err == f"error: {tmp_path / 'nope.csv'}: there is no such file\nhint: check INPUT\n"


def test_a_missing_model_names_both_ways_out(toxic: str, detox: Callable[..., Outcome]) -> None:
    outcome = detox("synth", "pairs", toxic, "-m", "nobody/nothing", "--dry-run", "--offline")
    assert outcome.code == 4
    assert "local folder" in outcome.err
    assert "--profile offline" in outcome.err


def test_names_are_looked_at_as_what_they_are(
    toxic: str, tiny_causal: Path, detox: Callable[..., Outcome]
) -> None:
    words = ("synth", "preferences", "builtin:lm", "--prompts", toxic, "-o", "pairs.jsonl", "--dry-run")
    told = detox(*words, "--profile", "offline", "--json")
    found = {option: what for option, _, what in json.loads(told.out)["things"]}
    assert found["MODEL"].startswith("folder ") and found["--prompts"] == "26 bytes"
    chain = (
        "synth",
        "chain",
        "builtin:lm",
        "--prompts",
        toxic,
        "-o",
        "chain",
        "--dry-run",
        "--profile",
        "offline",
    )
    assert detox(*chain).code == 0
    wrong = detox(*chain, "--detector", "builtin:nothing")
    assert wrong.code == 4 and "builtin:nothing" in wrong.err


def test_an_unknown_scorer_is_named(toxic: str, detox: Callable[..., Outcome]) -> None:
    outcome = detox("eval", "rewrite", toxic, "--sta", "hg:some/model#toxic", "--dry-run")
    assert outcome.code == 2
    assert "unknown scorer 'hg:some/model#toxic'" in outcome.err
