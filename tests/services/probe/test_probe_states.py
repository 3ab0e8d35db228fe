"""Hidden states in half the bytes: what varies is kept, also where a dimension lies far from 0."""

from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import DetoxError
from detox_cli.services.probe.states import States
from detox_cli.statistics.logistic import Standardised, fit_logistic
from detox_cli.statistics.ranking import auroc

TEXTS, WIDTH = 600, 24


@pytest.fixture
def streams() -> tuple[np.ndarray, np.ndarray]:
    """States and labels; the label is read from dimensions some of which are 5,000 deviations from 0."""
    random = np.random.default_rng(0)
    labels = random.random(TEXTS) < 0.4
    states = random.normal(size=(TEXTS, WIDTH)) + 0.7 * labels[:, None] * (np.arange(WIDTH) % 3 == 0)
    far = np.where(np.arange(WIDTH) % 3 == 0, 5000, 3)
    spread = np.logspace(-3, 1, WIDTH)
    return ((states + far) * spread).astype(np.float32), labels


def kept(path: Path, states: np.ndarray, dtype: str) -> States:
    file = States(path, len(states), states.shape[1], dtype)
    file.make()
    file.begin(states[::5])
    for rows in np.array_split(np.arange(len(states)), 7):
        file.write(rows, states[rows])
    file.flush()
    return States(path, len(states), states.shape[1], dtype)


def test_half_the_bytes_hold_what_a_probe_reads(tmp_path: Path, streams: tuple[np.ndarray, ...]) -> None:
    states, labels = streams
    half, whole = (kept(tmp_path / dtype, states, dtype) for dtype in ("float16", "float32"))
    head = 2 * WIDTH * 4
    assert half.path.stat().st_size == half.size == whole.path.stat().st_size / 2 + head
    assert (whole[:] == states).all() and half[[3, 5]].dtype == np.float32
    assert (np.abs(half[:] - states) / states.std(0)).max() < 2e-3
    assert (half[labels] == half[:][labels]).all()

    def probe(read: np.ndarray) -> np.ndarray:
        fitted = fit_logistic(Standardised(read[:400]), labels[:400], 0.01)
        return fitted.scores(read[400:])

    scores = {name: probe(read) for name, read in {"half": half[:], "whole": whole[:]}.items()}
    areas = {name: auroc(one, labels[400:]).mean for name, one in scores.items()}
    assert areas["whole"] > 0.85 and areas["half"] == pytest.approx(areas["whole"], abs=1e-3)
    assert scores["half"] == pytest.approx(scores["whole"], abs=0.01)
    plain = states.astype(np.float16).astype(np.float32)  # without offset and scale
    assert auroc(probe(plain), labels[400:]).mean < areas["whole"] - 0.1


def test_what_half_precision_cannot_tell_is_an_error(tmp_path: Path) -> None:
    states = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    file = kept(tmp_path / "states", states, "float16")
    with pytest.raises(DetoxError, match="times the usual spread of its dimension away"):
        file.write([0], np.full((1, 4), 1e6, np.float32))
    constant = kept(tmp_path / "constant", np.full((50, 4), 7, np.float32), "float16")
    assert (constant[:] == 7).all()
