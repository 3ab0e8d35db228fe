"""Every place in the code that makes an error for the user, and which of them a run of the tests came by.

``python -m tests.errors.sites NOTES [FOLDER]`` lists those that it did not, from the notes of
``pytest --raised NOTES``.
"""

import ast
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import detox_cli

ROOT = Path(detox_cli.__file__).parent
EXEMPT = Path(__file__).parent / "unproduced.txt"
KINDS = ("DetoxError", "BadSettings", "BadData", "Missing", "QualityLimit", "Interrupted", "Unavailable")


@dataclass(frozen=True, order=True)
class Site:
    """A call that makes an error."""

    module: str
    line: int
    column: int
    function: str
    message: str
    has_hint: bool = True

    @property
    def name(self) -> str:
        """What stays when lines move: module, function and the beginning of the message as it is written."""
        return f"{self.module} {self.function} {self.message[:60]}".strip()

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} {self.function}: {self.message}"


def sites() -> list[Site]:
    """All of them, in the order of files and lines."""
    found: list[Site] = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        found += _in(ast.parse(path.read_text(encoding="utf-8")), module, "")
    return sorted(found)


def _in(node: ast.AST, module: str, function: str) -> Iterator[Site]:
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Call) and _makes_an_error(each.func):
            words = ast.unparse(each.args[0]) if each.args else ""
            has_hint = any(keyword.arg == "hint" for keyword in each.keywords)
            yield Site(module, each.lineno, each.col_offset, function, words, has_hint)
        named = isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _in(each, module, f"{function}.{each.name}".strip(".") if named else function)


def _makes_an_error(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute) and called.attr == "several":
        called = called.value
    return isinstance(called, ast.Name) and called.id in KINDS


def produced(notes: Path) -> set[tuple[str, int, int]]:
    """Module, line and column of each call that was noted."""
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return {tuple(json.loads(line)[:3]) for line in lines}


def unproduced(notes: Path) -> list[Site]:
    """The places that no test came by."""
    there = produced(notes)
    return [site for site in sites() if (site.module, site.line, site.column) not in there]


def exempt() -> set[str]:
    """The names in ``unproduced.txt``, whose remarks say why."""
    lines = EXEMPT.read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def main(words: Iterable[str]) -> None:
    """Print what is missing, and what made errors without being a place that is known here."""
    notes, *folder = words
    every, missing = sites(), unproduced(Path(notes))
    for site in missing:
        if not folder or site.module.startswith(folder[0]):
            print(site)
    known = {(site.module, site.line, site.column) for site in every}
    for module, line, column in sorted(produced(Path(notes)) - known):
        print(f"not a place known here: {module}:{line}:{column}")
    print(f"{len(missing)} of {len(every)} are not produced")


if __name__ == "__main__":
    main(sys.argv[1:])
