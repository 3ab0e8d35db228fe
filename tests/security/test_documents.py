"""Recipes, profiles and templates are read, never run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!custom"])
def test_a_recipe_brings_no_objects(tag: str, tmp_path: Path, detox: Any) -> None:
    mark = tmp_path / "code-was-run"
    recipe = tmp_path / "recipe.yml"
    recipe.write_text(f"merge_method: {tag} ['touch {mark}']\nmodels: []\n")
    outcome: Outcome = detox("merge", "--recipe", str(recipe), "-o", str(tmp_path / "out"))
    assert outcome.code in (2, 3) and not mark.exists()
    assert str(recipe) in outcome.err


def test_a_recipe_that_grows_without_end_is_refused_at_once(tmp_path: Path, detox: Any) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("\n".join([*lines, "merge_method: linear", "models: *a11"]) + "\n")
    outcome: Outcome = detox("merge", "--recipe", str(recipe), "-o", str(tmp_path / "out"))
    assert outcome.code in (2, 3) and len(outcome.err) < 2000


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('touch MARK').read() }}",
        "{{ raise_exception.__globals__['__builtins__']['open']('MARK', 'w') }}",
    ],
)
def test_a_chat_template_cannot_leave_its_sandbox(
    template: str, tiny_causal: Path, tmp_path: Path, detox: Any
) -> None:
    mark = tmp_path / "code-was-run"
    folder = tmp_path / "model"
    shutil.copytree(tiny_causal, folder)
    (folder / "chat_template.jinja").write_text(template.replace("MARK", str(mark)))
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"toxic": "a silly one", "neutral": "one"}) + "\n")
    outcome: Outcome = detox(
        "synth", "pairs", str(rows), "--model", str(folder), "-o", str(tmp_path / "o.jsonl")
    )
    assert outcome.code in (2, 3) and not mark.exists()
    assert "template" in outcome.err
