"""A recipe in several documents: named merges that later ones start from."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from tests.conftest import Outcome
from tests.parity.merges import write_models

Detox = Callable[..., Outcome]


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, ...]:
    write_models(tmp_path / "models")
    return tuple(tmp_path / "models" / name for name in ("base", "m0", "m1"))


def linear(*models: object, **more: object) -> dict[str, object]:
    own = [{"model": str(model), "parameters": {"weight": 1.0}} for model in models]
    return {"merge_method": "linear", "models": own, **more}


def written(path: Path, *documents: dict[str, object]) -> Path:
    path.write_text(yaml.safe_dump_all(documents))
    return path


def numbers(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def test_stages_are_merged_in_turn_whatever_their_order_in_the_file(
    detox: Detox, models: tuple[Path, ...], tmp_path: Path
) -> None:
    base, one, two = models
    arithmetic = {
        "merge_method": "task_arithmetic",
        "base_model": "middle",
        "models": [{"model": "both", "parameters": {"weight": 0.5}}],
    }
    stages = (linear("middle", two, name="both"), linear(base, one, name="middle"))
    words = ("merge", "--recipe", written(tmp_path / "r.yml", *stages, arithmetic), "-o", tmp_path / "out")
    dry = detox(*words, "--dry-run")
    assert dry.code == 2 and "the stages middle, both of the recipe are not made yet" in dry.err
    done = detox(*words)
    assert done.code == 0, done.err
    found, (b, x, y) = numbers(tmp_path / "out"), map(numbers, models)
    for name, value in found.items():
        middle = (b[name] + x[name]) / 2
        np.testing.assert_allclose(value, middle + 0.5 * ((middle + y[name]) / 2 - middle), atol=1e-6)
    kept = sorted(path.name for path in (tmp_path / "out.stages").iterdir())
    assert kept == ["both", "both.yml", "middle", "middle.yml"]
    assert detox(*words).err.count("finished already") == 3
    assert detox(*words, "--dry-run").code == 0
    shutil.rmtree(tmp_path / "out.stages")
    again = detox(*words)
    assert again.code == 0 and again.err.count("finished already") == 1, again.err
    named = written(tmp_path / "named.yml", *stages, {**arithmetic, "name": "last"})
    assert detox("merge", "--recipe", named, "-o", tmp_path / "same").code == 0
    for name, value in numbers(tmp_path / "same").items():
        np.testing.assert_array_equal(value, found[name])


def test_a_stage_that_nothing_starts_from_is_said(
    detox: Detox, models: tuple[Path, ...], tmp_path: Path
) -> None:
    base, one, two = models
    recipe = written(tmp_path / "r.yml", linear(base, one, name="idle"), linear(one, two))
    done = detox("merge", "--recipe", recipe, "-o", tmp_path / "out")
    assert done.code == 0 and "no recipe starts from the stage idle; it is made all the same" in done.err


def test_stages_that_cannot_be_made_leave_nothing(
    detox: Detox, models: tuple[Path, ...], tmp_path: Path
) -> None:
    base, one, _ = models
    circle = (linear("b", one, name="a"), linear("a", one, name="b"), linear("b"))
    cases: list[tuple[tuple[dict[str, object], ...], str]] = [
        (circle, "each of a, b starts from another"),
        (circle[:2], "each of a, b starts from another"),
        ((linear(base, name="a"), linear(one, name="b")), "no recipe starts from a, b"),
        ((linear(base), linear(one)), "several recipes without a name"),
        ((linear(base, name="a"), linear(one, name="a")), "the name 'a', which another has"),
        ((linear(base, name="../a"), linear("../a")), "the name '../a'"),
        ((linear(tmp_path / "none", name="a"), linear("a")), "no such model folder"),
        ((linear(base, name="middle"), linear("midle")), "did you mean 'middle'?"),
        (({**linear(base, name="a"), "merge_method": "?"}, linear("a")), "merge_method '?' is not known"),
    ]
    for documents, said in cases:
        recipe = written(tmp_path / "r.yml", *documents)
        refused = detox("merge", "--recipe", recipe, "-o", tmp_path / "out")
        assert refused.code == (4 if "folder" in said else 3) and said in refused.err, refused.err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "r.yml"]
