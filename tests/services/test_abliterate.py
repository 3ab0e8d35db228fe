"""``detox abliterate`` on the bundled chat model, from prompts to a folder that refuses less."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Outcome


def test_the_chat_model_stops_refusing(detox: Callable[..., Outcome], tmp_path: Path) -> None:
    words = ("abliterate", "builtin:chat", "-o", tmp_path / "willing", "--json")
    outcome = detox(*words)
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    before, after = result["refusals"]["before"], result["refusals"]["after"]
    assert after["high"] < before["low"]
    assert max(t["residue"] / t["limit"] for t in result["written"]["tensors"]) < 1
    again = detox(*words)
    assert "finished already" in again.err and json.loads(again.out) == result
