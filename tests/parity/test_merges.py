"""Merged weights against those of mergekit 0.1.5, which ``merges.py`` has run."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from detox_cli.services.merge.run import run
from detox_cli.settings.merge import MergeSettings
from tests.parity.merges import AT_RANDOM, FIXTURE, METHODS, SHOWN, SLICED, recipe, tensors, write_models

MERGEKIT = json.loads(FIXTURE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base and three models of whole numbers."""
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    return folder


def merged(method: str, models: Path, output: Path, seed: int = 0) -> dict[str, np.ndarray]:
    """Through the recipe that mergekit read."""
    file = output.with_suffix(".yml")
    file.write_text(yaml.safe_dump(recipe(method, models)))
    run(MergeSettings(recipe=file, output=output, seed=seed))
    return dict(load_file(output / "model.safetensors"))


@pytest.mark.parametrize("method", [name for name in (*METHODS, *SLICED) if name not in AT_RANDOM])
def test_numbers_are_those_of_mergekit(method: str, models: Path, tmp_path: Path) -> None:
    found, base = merged(method, models, tmp_path / "out"), tensors(-1)
    for name in SHOWN:
        theirs = np.array(MERGEKIT[method][name], dtype=np.float32)
        update = np.abs(theirs - base[name].ravel()).max()
        assert update > 1e-3
        assert np.abs(found[name].ravel() - theirs).max() < 5e-5 * update, name


@pytest.mark.parametrize("method", AT_RANDOM)
def test_what_is_dropped_by_chance_is_dropped_as_often_as_by_mergekit(
    method: str, models: Path, tmp_path: Path
) -> None:
    base, theirs = tensors(-1), MERGEKIT[method]
    runs = []
    for seed in range(8):
        found = merged(method, models, tmp_path / str(seed), seed)
        steps = np.concatenate([(found[name] - base[name]).ravel() for name in base])
        runs.append((np.mean(steps != 0), steps.mean(dtype=float), steps.std(dtype=float)))
    changed, mean, spread = np.mean(runs, axis=0)
    # Theirs is one draw: five standard errors of one, as our own draws scatter.
    scatter = 5 * np.std(runs, axis=0, ddof=1) * (1 + 1 / 8) ** 0.5
    for ours, other, allowed in zip(
        (changed, mean, spread), (theirs["changed"], theirs["mean"], theirs["spread"]), scatter, strict=True
    ):
        assert abs(ours - other) < allowed
