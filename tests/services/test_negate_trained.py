"""``detox negate --data``: from toxic text to a detoxified model in one command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SENTENCES, Outcome

Detox = Callable[..., Outcome]


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Texts with a score; two steps are enough for each expert."""
    monkeypatch.setenv("DETOX_TRAIN__LM__EPOCHS", "1")
    monkeypatch.setenv("DETOX_TRAIN__LM__LEARNING_RATE", "1e-3")
    rows = [{"text": f"{text} {i}", "toxicity": i % 5 / 4} for i in range(12) for text in SENTENCES]
    path = tmp_path / "comments.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_experts_are_trained_kept_and_taken_away(
    detox: Detox, text: Path, tiny_causal: Path, tmp_path: Path
) -> None:
    words = ("--data", text, "--where", "toxicity >= 0.8", "--split", "2", "--scale", "0.5")
    done = detox("negate", tiny_causal, *words, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    experts = tmp_path / "out.experts"
    assert sorted(path.name for path in experts.glob("part-*")) == ["part-0", "part-1"]
    trained = json.loads((experts / "detox.json").read_text())
    assert trained["settings"]["where"] == "toxicity >= 0.8" and trained["settings"]["model"] == str(
        tiny_causal
    )
    assert json.loads(done.out)["vectors"]["experts"] == [str(experts / "part-0"), str(experts / "part-1")]
    named = ("--expert", experts, "--scale", "0.5", "-o", tmp_path / "named", "-q")
    assert detox("negate", tiny_causal, *named).code == 0
    one, other = (tmp_path / name / "model.safetensors" for name in ("out", "named"))
    assert one.read_bytes() == other.read_bytes() != (tiny_causal / "model.safetensors").read_bytes()
    again = detox("negate", tiny_causal, *words, "-o", tmp_path / "out", "--json")
    assert json.loads(again.out) == json.loads(done.out) and "looking over" not in again.err


def test_experts_and_text_for_others_contradict_each_other(
    detox: Detox, text: Path, tiny_causal: Path
) -> None:
    both = detox("negate", tiny_causal, "--expert", tiny_causal, "--data", text)
    assert both.code == 2 and "experts are named, and text to train others" in both.err
    look = detox("negate", tiny_causal, "--data", text, "--split", "3", "-o", "out", "--dry-run")
    assert look.code == 0 and "will train 3 experts in out.experts" in look.err + look.out
