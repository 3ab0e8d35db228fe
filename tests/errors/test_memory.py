"""Memory that does not suffice, files that cannot be read, and a closed standard output."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from detox_cli.completion.install import completion, install_path
from detox_cli.errors import ExitCode
from detox_cli.models.loading import Loaded, load_causal, load_classifier
from detox_cli.models.sources import find_model
from detox_cli.scoring import batching, continuations, losses
from tests.errors.case import Case, usage

Told = Callable[[Case], None]
FAILED = ExitCode.FAILED
UNREADABLE = Path("/proc/self/mem")
"""A file whose first byte gives an input/output error."""


def full(*_: Any, **__: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_model_that_does_not_fit(told: Told, tiny_causal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LlamaForCausalLM, "__init__", full)
    said = f"{tiny_causal} does not fit into the memory of cpu"
    told(Case(lambda: load_causal(find_model(str(tiny_causal)), "cpu"), said, FAILED))


def crowded(loaded: Loaded) -> Loaded:
    """The model, in a memory that is full when it is called."""
    loaded.model.forward = full
    return loaded


def test_texts_that_do_not_fit(told: Told, tiny_causal: Path, tiny_classifier: Path) -> None:
    reader = crowded(load_causal(find_model(str(tiny_causal)), "cpu"))
    window = losses.Window(0, (5, 6, 7), 1)
    told(
        Case(lambda: losses.window_losses(reader, [window], 1, 64), "3 tokens do not fit into memory", FAILED)
    )
    forked = lambda: continuations.forked_losses(reader, [(5, 6)], [[(7,)]], 2)  # noqa: E731
    told(Case(forked, "one continuation does not fit into memory", FAILED))
    scorer = crowded(load_classifier(find_model(str(tiny_classifier)), "cpu"))
    told(
        Case(
            lambda: batching.run_model(scorer, ["a"], full, 64),
            "one text does not fit into the memory of cpu beside",
            FAILED,
        )
    )


needs_proc = pytest.mark.skipif(not UNREADABLE.exists(), reason="there is no /proc")


@needs_proc
def test_a_disk_that_fails(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    script = install_path("bash")
    script.parent.mkdir(parents=True)
    script.symlink_to(UNREADABLE)
    said = f"{script}: cannot remove the script: Input/output error"
    told(Case(lambda: completion("bash", uninstall=True), said, FAILED))
    (tmp_path / "p.toml").symlink_to(UNREADABLE)
    told(usage("profile show ./p.toml", "p.toml: cannot read the profile: Input/output error"))


def test_a_closed_standard_output() -> None:
    """As the shell closes it with ``>&-``."""
    command = f"exec {sys.executable} -m detox_cli --version >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=100)
    assert done.returncode == FAILED, done.stderr
    assert "error: standard output is closed" in done.stderr and "hint: send it to a file" in done.stderr
