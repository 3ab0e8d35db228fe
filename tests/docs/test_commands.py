"""Every command line on a page is one that ``detox`` takes: its commands, its options, their values."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from detox_cli.app import app
from detox_cli.completion.tree import Node, command_tree
from tests.docs.pages import INLINE, ROOT, blocks, commands, pages, prose

PAGES = [page for page in pages() if page.name != "cli.md"]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
SHELL = ("", "bash", "sh", "console")
USAGE = re.compile(r"[\[\]]|\.\.\.|…")


@pytest.fixture(scope="module")
def tree() -> Node:
    return command_tree(app)


def problem(words: list[str]) -> str | None:
    """What ``detox`` says against a command line before it runs anything; ``None`` if it takes it."""
    command: Any = get_command(app)
    context: Any = None
    try:
        while True:
            context = command.make_context(command.name or "detox", list(words), parent=context)
            if not hasattr(command, "resolve_command"):
                return None
            words = [*context._protected_args, *context.args]
            _, command, words = command.resolve_command(context, words)
    except typer.Exit:
        return None  # --help, --version, or a group that shows its help
    except Exception as error:
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_command_lines_in_blocks_are_taken(page: Path) -> None:
    wrong = [
        f"{page.name}:{block.line}: detox {' '.join(words)}: {fault}"
        for block in blocks(page)
        if block.language in SHELL
        for words in commands(block.text)
        if (fault := problem([word for word in (USAGE.sub("", w) for w in words) if word]))
    ]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_command_lines_in_sentences_name_what_there_is(page: Path, tree: Node) -> None:
    wrong = [
        f"`{text}`: {fault}"
        for text in INLINE.findall(prose(page))
        if text.startswith("detox ") and (fault := unknown(text.split()[1:], tree))
    ]
    assert not wrong


def unknown(words: list[str], node: Node) -> str | None:
    """A command or an option that is not there; a place holder such as ``train bart|dpo`` stands for each."""
    if words and not words[0].startswith("-") and node.children:
        known = {child.path[-1]: child for child in node.children}
        faults = [
            unknown(words[1:], known[name]) if name in known else f"no command {name}"
            for name in words[0].split("|")
        ]
        return next(filter(None, faults), None)
    names = {name for option in node.options for name in option.names} | {"-h", "--help"}
    given = [word.partition("=")[0].strip("[]") for word in words if re.match(r"\[?--?[a-z]", word)]
    return next((f"no option {name}" for name in given if name not in names), None)


def test_a_wrong_line_is_found(tree: Node) -> None:
    assert list(commands("cat x | detox synth pairs - -m M | FOO=1 detox eval rewrite - # c\n")) == [
        ["synth", "pairs", "-", "-m", "M"],
        ["eval", "rewrite", "-"],
    ]
    assert problem(["train", "bart", "pairs.jsonl", "-o", "out", "--epochs", "3"]) is None
    for line in ("trian bart x", "train bart x --epoks 3", "train dpo --loss", "eval rewrite x --suite none"):
        assert problem(line.split()), line
    assert unknown(["train", "bart", "--epoks", "3"], tree) == "no option --epoks"
    assert unknown(["train", "bart|cmdd"], tree) == "no command cmdd"
