"""Every ``--help`` as a snapshot. After a change on purpose: ``python -m tests.test_help``."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from detox_cli.app import COMMANDS, GROUPS
from tests.conftest import Outcome

FOLDER = Path(__file__).parent / "help"
TABLE = {path: entry for entries in COMMANDS.values() for path, entry in entries.items()}
PAGES = ["", *(group for group in GROUPS if any(path.startswith(f"{group} ") for path in TABLE)), *TABLE]


def page_of(path: str) -> str:
    """What ``detox PATH --help`` prints in a pipe of 100 columns."""
    environment = {**os.environ, "COLUMNS": "100"}
    words = [sys.executable, "-m", "detox_cli", *path.split(), "--help"]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=True).stdout


def file_of(path: str) -> Path:
    return FOLDER / f"{'-'.join(['detox', *path.split()])}.txt"


@pytest.mark.parametrize("path", PAGES, ids=[path or "detox" for path in PAGES])
def test_help_is_the_known_page(path: str, detox: Callable[..., Outcome]) -> None:
    assert detox(*path.split(), "--help") == Outcome(0, file_of(path).read_text(encoding="utf-8"), "")


def test_no_page_without_a_command() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {file_of(path).name for path in PAGES}


@pytest.mark.parametrize("path", TABLE)
def test_summary_is_the_first_line_of_the_docstring(path: str) -> None:
    target, summary = TABLE[path]
    module, _, name = target.partition(":")
    function = getattr(import_module(f"detox_cli.commands.{module}"), name)
    assert (inspect.getdoc(function) or "").splitlines()[0] == summary


@pytest.mark.parametrize("path", TABLE)
def test_every_command_shows_examples_of_itself(path: str) -> None:
    module, _, name = TABLE[path][0].partition(":")
    examples = getattr(import_module(f"detox_cli.commands.{module}"), name).examples
    assert any(f"detox {path}" in example for example in examples)
    assert all(path in example for example in examples)


@pytest.mark.parametrize("path", TABLE)
def test_every_option_is_explained_in_a_sentence(path: str) -> None:
    module, _, name = TABLE[path][0].partition(":")
    function = getattr(import_module(f"detox_cli.commands.{module}"), name)
    for parameter in inspect.signature(function).parameters.values():
        help_text = next(item.help for item in parameter.annotation.__metadata__ if hasattr(item, "help"))
        assert help_text, parameter.name
        sentence = help_text.partition("  [")[0]
        assert sentence[0].isupper() or not sentence[0].isalpha() or " " in sentence, parameter.name
        assert sentence.endswith((".", ")")), f"{parameter.name}: {sentence}"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for each in PAGES:
        file_of(each).write_text(page_of(each), encoding="utf-8")
