"""The arrows between the layers: what may import what, and what starting up may cost."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detox_cli.app import COMMANDS
from detox_cli.settings.sections import SECTIONS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "detox_cli"
HEAVY = {"torch", "transformers", "datasets", "numpy", "pandas", "pyarrow", "peft", "trl", "accelerate"}
PATHS = [path for entries in COMMANDS.values() for path in entries]
SCIENCE = ("models", "generation", "scoring", "statistics", "data", "runs")

# layer -> what it may import at the top of a module; a command imports its service inside a function
ARROWS: dict[str, set[str]] = {
    "settings": {"settings", "errors"},
    "output": {"output", "errors", "services.result", "runs.memory", "runs.pace"},
    "commands": {"commands", "settings", "options", "output", "errors", "services.result", "lazy"},
    "services": {
        "services",
        *SCIENCE,
        "errors",
        "output.progress",
        "output.quantities",
        "settings",
        "completion",
    },
    **{layer: {*SCIENCE, "errors", "output.progress"} for layer in SCIENCE},
}


PROBE = """
import contextlib, io, json, sys
from detox_cli.__main__ import main

found = {}
for line in sys.argv[1:]:
    sys.argv = ["detox", *line.split()]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main()
    found[line] = sorted(sys.modules)
print(json.dumps(found))
"""


def imported_by(*lines: str) -> dict[str, set[str]]:
    """What a fresh process has imported after each command line, one after the other."""
    run = subprocess.run([sys.executable, "-c", PROBE, *lines], capture_output=True, text=True, check=True)
    return {line: set(modules) for line, modules in json.loads(run.stdout).items()}


def test_help_of_groups_imports_neither_commands_nor_anything_slow() -> None:
    groups = sorted({path.split()[0] for path in PATHS if " " in path})
    for line, modules in imported_by("--help", *(f"{group} --help" for group in groups)).items():
        assert not modules & {*HEAVY, "rich", "pydantic"}, line
        assert not {name for name in modules if name.startswith("detox_cli.commands.")}, line


def test_help_of_commands_imports_nothing_heavy() -> None:
    for line, modules in imported_by(*(f"{path} --help" for path in PATHS)).items():
        assert not modules & {*HEAVY, "rich"}, line


def test_settings_are_resolved_before_anything_heavy_is_imported() -> None:
    lines = [f"{section.replace('.', ' ')} --print-config" for section in SECTIONS]
    for line, modules in imported_by("profile check", *lines).items():
        assert not modules & HEAVY, line


def layer_of(name: str, depth: int = 1) -> str:
    return ".".join(name.split(".")[1 : 1 + depth])


def top_imports(path: Path) -> Iterator[str]:
    """The modules of this package that a file imports outside functions, with full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(n) for f in ast.walk(tree) if _runs_later_or_never(f) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("detox_cli"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = PACKAGE.parent.joinpath(*full.split(".")).with_suffix(".py").exists()
                yield full if is_module else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("detox_cli"))


def _runs_later_or_never(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) or (
        isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )


@pytest.mark.parametrize("layer", ARROWS)
def test_layers_import_only_what_lies_below(layer: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((PACKAGE / layer).rglob("*.py"))
        for name in top_imports(path)
        if name != "detox_cli" and not {layer_of(name), layer_of(name, 2)} & {layer, *ARROWS[layer]}
    ]
    assert not wrong


def test_services_take_plain_settings_and_never_resolve_them() -> None:
    about_the_tool = ("profiles", "doctor")
    wrong = [
        f"{path.name} imports {name}"
        for path in sorted((PACKAGE / "services").glob("*.py"))
        for name in top_imports(path)
        if layer_of(name, 2) in {"settings.resolve", "settings.profiles"}
        and not path.stem.startswith(about_the_tool)
    ]
    assert not wrong


def sources() -> list[Path]:
    return [path for folder in ("detox_cli", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in sources()}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_no_function_is_longer_than_60_lines() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 60
    ]
    assert not wrong


def test_no_drawer_for_odds_and_ends() -> None:
    assert not [
        p for p in PACKAGE.rglob("*.py") if p.stem in {"utils", "helpers", "misc", "common", "manager"}
    ]


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]])
def test_ruff_is_content(words: list[str]) -> None:
    pytest.importorskip("ruff", reason="ruff is a development tool")
    run = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "."], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
