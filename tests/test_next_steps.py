"""Every command that a result names as the next one is taken as it stands, and has all that it needs."""

import ast
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detox_cli.settings.sections import section_model
from tests.conftest import Outcome

SERVICES = Path(__file__).parents[1] / "detox_cli" / "services"
VALUES = {"following": "build", "rows.prompts": "builtin:openings", "kind": "", "plain": ""}
"""What stands in for a value that is put into a line, where it cannot be just any word."""


def lines() -> Iterator[tuple[str, str]]:
    """The service, and the line with its values filled in."""
    for path in sorted(SERVICES.rglob("*.py")):
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(found, ast.FunctionDef) and found.name == "next_steps":
                texts = (node for node in ast.walk(found) if isinstance(node, ast.JoinedStr))
                told = (line for text in texts if (line := filled(text)).startswith("detox "))
                yield from ((path.parent.name, line) for line in told if line != "detox x")


def filled(text: ast.JoinedStr) -> str:
    """A formatted string with a word in the place of each value."""
    parts = []
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            parts.append(VALUES.get(ast.unparse(part.value), "x"))
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return "".join(parts)


LINES = sorted(set(lines()))


def test_there_are_lines() -> None:
    assert len({service for service, _ in LINES}) > 12


@pytest.mark.parametrize(("service", "line"), LINES)
def test_a_next_command_has_all_that_it_needs(service: str, line: str, detox: Callable[..., Outcome]) -> None:
    assert not lacking(line, detox), line


def test_a_line_that_lacks_something_is_found(detox: Callable[..., Outcome]) -> None:
    assert lacking("detox eval generation x --prompts rtp", detox) == ["output"]


def lacking(line: str, detox: Callable[..., Outcome]) -> list[str]:
    """The settings that a line must give and does not."""
    told = detox(*shlex.split(line)[1:], "--print-config")
    assert told.code == 0, told.err
    fields = section_model(told.out.partition("[")[2].partition("]")[0]).model_fields
    needed = (name for name, field in fields.items() if field.is_required())
    return [name for name in needed if f"# {name} is not set" in told.out]
