"""Shells that have loaded the scripts of the example tree, in a home with profiles, models and files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detox_cli.completion.known import Known
from detox_cli.completion.scripts import FILES, scripts
from detox_cli.completion.tree import command_tree
from tests.completion.example import app
from tests.completion.shells import COMMANDS, Shell

KNOWN = Known(
    profiles=("default", "offline"),
    models={"bart": "seq2seq", "lm": "causal", "toxicity": "toxicity", "similarity": "similarity"},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder; every program that Tab could start instead of the shell leaves a mark in it."""
    home = tmp_path_factory.mktemp("home")
    for folder in ("profiles", "checkpoint", ".config/detox/profiles", "bin", "zsh"):
        (home / folder).mkdir(parents=True)
    for name in ("gpt2", "facebook--bart-base", "facebook--bart-large-cnn"):
        (home / "hub" / f"models--{name}").mkdir(parents=True)
    for file in (
        "pairs.jsonl",
        "two words.txt",
        "mix.yaml",
        "mix.csv",
        "mix.md",
        "wide one.md",
        "profiles/mine.toml",
        ".config/detox/profiles/lab.toml",
    ):
        (home / file).touch()
    for program in ("python", "python3", "detox"):
        (home / "bin" / program).write_text(f"#!/bin/sh\ntouch {home}/started\n")
        (home / "bin" / program).chmod(0o755)
    return home


def environment(home: Path) -> dict[str, str]:
    """Nothing of the tester's own: that could change what Tab offers."""
    return {
        "HOME": str(home),
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "HF_HUB_CACHE": str(home / "hub"),
        "ZDOTDIR": str(home / "zsh"),
        "LANG": "C.UTF-8",
    }


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def shell(request: pytest.FixtureRequest, home: Path) -> Iterator[Shell]:
    """Each shell that is installed, with the example's script loaded."""
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    script = home / Path(FILES[name]).name
    script.write_text(scripts(command_tree(app), KNOWN)[name])
    shell = Shell(name, script, home, environment(home))
    yield shell
    shell.close()
    assert not (home / "started").exists(), "Tab started a program"
