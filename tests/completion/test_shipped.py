"""The committed scripts of ``detox`` itself, in real shells."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detox_cli.app import app
from detox_cli.completion.scripts import FILES
from detox_cli.completion.tree import Node, command_tree
from tests.completion.conftest import environment
from tests.completion.shells import COMMANDS, Shell

ROOT = Path(__file__).parents[2]
LINES = {
    "command": ("detox prof", ["profile"]),
    "command below a command": ("detox synth pa", ["synth", "pairs"]),
    "flag": ("detox synth pairs --max-n", ["synth", "pairs", "--max-new-tokens"]),
    "value after =": ("detox synth pairs --dtype=b", ["synth", "pairs", "--dtype=bfloat16"]),
    "device": ("detox train bart --device au", ["train", "bart", "--device", "auto"]),
    "packaged profile": ("detox synth pairs --profile off", ["synth", "pairs", "--profile", "offline"]),
    "own profile": ("detox profile show mi", ["profile", "show", "mine"]),
    "cached model": ("detox train bart --model gp", ["train", "bart", "--model", "gpt2"]),
    "scorer": (
        "detox train bart --toxicity detoxify:o",
        ["train", "bart", "--toxicity", "detoxify:original"],
    ),
    "bundled rewriter": ("detox train bart --model=builtin:", ["train", "bart", "--model=builtin:bart"]),
    "bundled scorer of fluency": (
        "detox eval rewrite x.csv --fl builtin:",
        ["eval", "rewrite", "x.csv", "--fl", "builtin:fluency"],
    ),
    "recipe": ("detox merge --recipe m", ["merge", "--recipe", "mix.yaml"]),
    "settings to copy to": (
        "detox profile copy offline ./profiles/m",
        ["profile", "copy", "offline", "./profiles/mine.toml"],
    ),
    "word of a list": ("detox synth pairs --drop trunc", ["synth", "pairs", "--drop", "truncated"]),
    "bundled form of chains": (
        "detox generate x y --chain cmd-v3-c",
        ["generate", "x", "y", "--chain", "cmd-v3-code"],
    ),
    "file": ("detox synth pairs pai", ["synth", "pairs", "pairs.jsonl"]),
    "shell": ("detox completion zs", ["completion", "zsh"]),
}
KINDS = {
    "model": "model",
    "profile": "profile",
    "rejects": "file",
    "sta": "scorer",
    "prompts": "file",
    "text": "file",
    "output": ("file", "folder"),
}


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def shipped(request: pytest.FixtureRequest, home: Path) -> Iterator[Shell]:
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    shell = Shell(name, ROOT / FILES[name], home, environment(home))
    yield shell
    shell.close()
    assert not (home / "started").exists(), "Tab started a program"


@pytest.mark.parametrize(("line", "words"), LINES.values(), ids=LINES.keys())
def test_tab(shipped: Shell, line: str, words: list[str]) -> None:
    outcome = shipped.complete(line)
    assert outcome.words == words, outcome


def commands() -> list[Node]:
    return [node for node in command_tree(app).walk() if not node.children]


@pytest.mark.parametrize("node", commands(), ids=lambda node: node.name)
def test_named_things_have_their_own_completion(node: Node) -> None:
    for option in node.options:
        name = option.names[0].removeprefix("--")
        if option.takes and name in KINDS:
            assert option.value.kind in KINDS[name], f"give --{name} of {node.name} a Flag(complete=...)"


@pytest.mark.parametrize("node", commands(), ids=lambda node: node.name)
def test_every_option_is_explained(node: Node) -> None:
    assert node.summary
    assert [option.names[0] for option in node.options if not option.summary] == []
