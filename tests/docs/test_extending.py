"""The examples of docs/extending.md, run as they stand on the page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.merging.methods import METHODS
from detox_cli.scoring import load, spec
from detox_cli.settings.merge import MethodName
from tests.conftest import Outcome
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/extending.md"
Detox = Callable[..., Outcome]


def block(language: str, word: str) -> str:
    """The one block of a language that holds a word."""
    (found,) = [it.text for it in blocks(PAGE) if it.language == language and word in it.text]
    return found


def run(*words: str, **known: Any) -> dict[str, Any]:
    """What the Python blocks with these words define, each after the one before."""
    names = {"__name__": "page", **known}
    for word in words:
        exec(compile(block("python", word), PAGE, "exec", dont_inherit=True), names)
    return names


def test_a_scorer_is_two_lines_away_from_a_command(
    detox: Detox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = run("class Capitals")
    monkeypatch.setattr(spec, "KINDS", (*spec.KINDS, "capitals"))
    monkeypatch.setitem(load.WITHOUT_WEIGHTS, "capitals", page["load_capitals"])
    monkeypatch.chdir(tmp_path)
    row = {"id": "a", "prompt": "how", "outputs": [" are YOU", " IS IT"]}
    Path("generations.jsonl").write_text(json.dumps(row) + "\n")
    (line,) = (it for it in blocks(PAGE) if it.language == "bash")
    outcome = detox(*line.text.split()[1:], "--json")
    assert outcome.code == 0, outcome.err
    (figures,) = (it["figures"] for it in json.loads(outcome.out)["groups"][:1])
    assert figures["capitals:share/expected_maximum@2"]["mean"] == 1.0
    assert figures["capitals:share/mean"]["mean"] == 0.75


def test_an_engine_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    page = run("class Capitals", "class Echo")
    figure = page["measured"].figures["capitals/expected_maximum@4"]
    assert (figure.mean, figure.n) == (1.0, 2)
    assert page["measured"].figures["capitals/mean"].mean == 0.5
    assert capsys.readouterr().out.strip() == str(figure)


def test_a_merge_method_is_a_row_away_from_recipes(
    detox: Detox, tmp_path: Path, tiny_causal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = run("def median")["MEDIAN"]
    monkeypatch.setitem(METHODS, method.name, method)
    monkeypatch.chdir(tmp_path)
    weights = load_file(tiny_causal / "model.safetensors")
    for name, factor in (("one", 1), ("two", 5), ("three", 2)):
        Path(name).mkdir()
        for file in tiny_causal.iterdir():
            (Path(name) / file.name).write_bytes(file.read_bytes())
        save_file(
            {key: it * factor for key, it in weights.items()}, f"{name}/model.safetensors", {"format": "pt"}
        )
    Path("recipe.yml").write_text(block("yaml", "median"))
    outcome = detox("merge", "--recipe", "recipe.yml", "-o", "merged")
    assert outcome.code == 0, outcome.err
    merged = load_file("merged/model.safetensors")
    assert all(np.allclose(merged[key], it * 2) for key, it in weights.items())


def test_every_method_but_that_of_slices_can_be_named() -> None:
    assert {*get_args(MethodName), "passthrough"} == set(METHODS)


def test_an_architecture_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "house", FAMILIES["llama"])  # taken away again at the end
    page = run("class HouseConfig")
    assert len(page["left"]) == 3 and max(page["left"].values()) < 1e-4
    assert FAMILIES["house"] is not FAMILIES["llama"]
