"""The card of every trained model states the licence of the model that it starts from."""

import time
from pathlib import Path
from typing import Any

import pytest

from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.runs.card import Card
from detox_cli.services.training.single_run import Run


@pytest.mark.parametrize(("start", "licence"), [("bart", "apache-2.0"), ("lm", "cc-by-sa-4.0")])
def test_the_licence_is_that_of_the_start(start: str, licence: str, tmp_path: Path) -> None:
    nothing: Any = None
    run = Run("train x", nothing, nothing, find_model(f"builtin:{start}"), nothing, Silent(), time.time())
    run.write_card(tmp_path, Card("mine", "It rewrites."))
    written = tmp_path / "README.md"
    assert f"license: {licence}" in written.read_text()
    before = written.stat().st_mtime_ns
    run.write_card(tmp_path, Card("mine", "It rewrites."))
    assert written.stat().st_mtime_ns == before, "what is said already is not written again"
