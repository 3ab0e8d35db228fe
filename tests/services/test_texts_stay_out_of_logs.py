"""What the chain commands say holds no word of the rows, even with -v and where rows are bad."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Outcome

MARK = "zarquon"
OFFLINE = ("--profile", "offline", "-v")


def written(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.suffix == ".jsonl")


def prompts(folder: Path) -> Path:
    texts = [f"You are a {word} {MARK} and nobody {n}" for n, word in enumerate(("silly", "useless") * 4)]
    rows = [{"id": str(n), "prompt": text, "toxicity": 0.9} for n, text in enumerate(texts)]
    rows += [{"id": f"calm {n}", "prompt": f"The {MARK} was late, {n}", "toxicity": 0.1} for n in range(6)]
    rows.append({"id": "again", "prompt": f"The {MARK} was late, 5", "toxicity": 0.1})
    bad = {"id": "bad", "prompt": ["not", MARK], "toxicity": 0.9}
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, bad]))
    return path


def silent(outcome: Outcome, code: int = 0) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.err and MARK not in outcome.err.lower() and MARK not in outcome.out.lower()


def test_no_word_of_a_prompt_is_said(
    tmp_path: Path, tiny_causal: Path, detox: Callable[..., Outcome]
) -> None:
    source, chain, model = prompts(tmp_path), tmp_path / "chain", tmp_path / "model"
    small = ("--num-samples", 2, "--max-new-tokens", 6, "--min-similarity", 0, "--pos-max", 1)
    gates = ("--tox-threshold", 1, "--fill-retries", 0)
    made = ("synth", "chain", tiny_causal, "--prompts", source, "-o", chain, *small, *gates, *OFFLINE)
    silent(detox(*made))
    silent(detox(*made, "--strict", "--overwrite"), code=3)
    assert MARK in written(chain)
    fast = ("--lora", "none", "--epochs", 1, "--max-length", 512)
    silent(detox("train", "cmd", tiny_causal, "--data", chain, "-o", model, *fast, *OFFLINE))
    asked = (
        "--chain",
        "cmd",
        "--chain-tokens",
        8,
        "--chain-retries",
        1,
        "-v",
        "-o",
        tmp_path / "answers.jsonl",
    )
    silent(detox("generate", model, source, *asked))
    assert MARK in (tmp_path / "answers.jsonl").read_text()
