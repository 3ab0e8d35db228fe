"""Negation: the algebra of both orders, a scale of nothing, a step by chance, what one pass tells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.merging.draws import stream_key
from detox_cli.models.merging.methods import METHODS
from detox_cli.models.merging.negation import Negation
from detox_cli.models.merging.random_step import random_step
from detox_cli.models.merging.rounding import round_nearest
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.sources import StoredWeights
from detox_cli.models.merging.tensor import survey
from detox_cli.models.merging.vector_survey import look_over
from tests.parity.merges import tensors, write_models

TENSOR = "model.layers.0.mlp.up_proj.weight"
MERGES = tuple(name for name in METHODS if name != "passthrough")
EVERY = tuple(name for name in MERGES if name not in ("slerp", "nuslerp"))


@pytest.fixture
def stored(tmp_path: Path) -> list[StoredWeights]:
    """The base and three models of whole numbers over a power of two."""
    write_models(tmp_path)
    names = ("base", "m0", "m1", "m2")
    return [StoredWeights(open_checkpoint(tmp_path / name), name) for name in names]


def negation(stored: list[StoredWeights], method: str, tensor: str = TENSOR, **changes: object) -> Negation:
    count = 2 if method in ("slerp", "nuslerp") else 3
    keys = tuple(stream_key(0, tensor, model) for model in range(count))
    weights = (1.0,) * count
    each = {"densities": (0.4,) * count, "gammas": (0.05,) * count, "epsilons": (0.2,) * count}
    normal, scaled = METHODS[method].normalize, METHODS[method].rescale
    values = Values(weights=weights, normalize=normal, rescale=scaled, t=0.3, keys=keys, **each)
    shape = stored[0].shapes[tensor]
    job = Negation(tensor, shape, METHODS[method], values, tuple(stored[1 : 1 + count]), stored[0])
    return replace(job, **changes)


def whole(job: object) -> np.ndarray:
    found = survey(job, map)
    parts = [job.merged(number, rows, found) for stripe in job.stripes for number, rows in stripe]
    return np.concatenate(parts).reshape(job.shape)


def test_the_negated_mean_is_what_the_paper_writes(stored: list[StoredWeights]) -> None:
    base, *models = (tensors(model)[TENSOR].astype(np.float64) for model in (-1, 0, 1, 2))
    papers = np.mean([base - 0.7 * (model - base) for model in models], axis=0)
    codes = base - 0.7 * (np.mean(models, axis=0) - base)
    np.testing.assert_allclose(papers, codes, atol=1e-12)
    for order in ("merge-first", "negate-first"):
        np.testing.assert_allclose(
            whole(negation(stored, "linear", scale=0.7, order=order)), papers, atol=1e-7
        )


@pytest.mark.parametrize("method", MERGES)
def test_a_scale_of_nothing_is_the_base_to_the_bit(stored: list[StoredWeights], method: str) -> None:
    for order in ("merge-first", "negate-first"):
        if method == "slerp" and order == "negate-first":
            continue  # the arc between the base and itself is a weighted sum, which rounds
        job = negation(stored, method, scale=0.0, order=order)
        assert whole(job).tobytes() == tensors(-1)[TENSOR].tobytes(), order


def test_zeros_of_the_base_keep_their_sign(stored: list[StoredWeights]) -> None:
    class Zeros(StoredWeights):
        def rows(self, tensor: str, first: int, last: int) -> np.ndarray:
            return np.full_like(super().rows(tensor, first, last), -0.0)

    zeros = Zeros(stored[0].checkpoint, "zeros")
    job = replace(negation(stored, "linear", scale=0.0), base=zeros)
    assert np.signbit(whole(job)).all()


@pytest.mark.parametrize("method", EVERY)
def test_both_orders_agree_where_a_merge_is_odd(stored: list[StoredWeights], method: str) -> None:
    job = negation(stored, method, scale=0.7)
    other = replace(job, order="negate-first")
    apart = np.abs(whole(job) - whole(other)) > 1e-6
    # Signs are elected per number, and a tie goes to plus in both orders, so only ties may differ.
    assert apart.mean() <= (0.02 if method.endswith("ties") else 0), apart.sum()


def test_a_tie_of_signs_is_where_the_orders_part(stored: list[StoredWeights]) -> None:
    class Plus(StoredWeights):
        def rows(self, tensor: str, first: int, last: int) -> np.ndarray:
            return stored[0].rows(tensor, first, last) + self.size

    models = []
    for size in (0.25, -0.25):
        models.append(Plus(stored[0].checkpoint, "tie"))
        models[-1].size = np.float32(size)
    job = negation(stored, "ties", scale=1.0)
    values = replace(job.values, weights=(1.0, 1.0), densities=(1.0, 1.0), keys=job.values.keys[:2])
    job = replace(job, models=tuple(models), values=values)
    base = tensors(-1)[TENSOR]
    np.testing.assert_array_equal(whole(job), base - np.float32(0.25))
    np.testing.assert_array_equal(whole(replace(job, order="negate-first")), base + np.float32(0.25))


def test_weights_that_do_not_add_up_to_one_leave_some_of_the_base(stored: list[StoredWeights]) -> None:
    base, *models = (tensors(model)[TENSOR].astype(np.float64) for model in (-1, 0, 1, 2))
    job = negation(stored, "linear", scale=0.5)
    job = replace(job, values=replace(job.values, weights=(0.5, 0.5, 0.5), normalize=False))
    merged = sum(0.5 * model for model in models)
    np.testing.assert_allclose(whole(job), base - 0.5 * (merged - base), atol=1e-6)
    other = sum(0.5 * (base - 0.5 * (model - base)) for model in models)
    np.testing.assert_allclose(whole(replace(job, order="negate-first")), other, atol=1e-6)
    assert np.abs(base - 0.5 * (merged - base) - other).max() > 0.1


def test_every_expert_has_its_own_factor(stored: list[StoredWeights]) -> None:
    base, *models = (tensors(model)[TENSOR].astype(np.float64) for model in (-1, 0, 1, 2))
    own = (0.5, 1.0, 2.0)
    wanted = base - 0.7 * np.mean([f * (m - base) for f, m in zip(own, models, strict=True)], axis=0)
    for order in ("merge-first", "negate-first"):
        job = negation(stored, "linear", scale=0.7, own=own, order=order)
        np.testing.assert_allclose(whole(job), wanted, atol=1e-7)


def test_a_step_by_chance_is_as_long_and_the_same_again(stored: list[StoredWeights]) -> None:
    job = negation(stored, "linear", scale=0.7)
    base = tensors(-1)[TENSOR]
    real = np.linalg.norm(whole(job) - base)
    one, again, other = (whole(random_step(job, seed)) - base for seed in (1, 1, 2))
    np.testing.assert_allclose(np.linalg.norm(one), real, rtol=1e-4)
    np.testing.assert_array_equal(one, again)
    cosine = np.vdot(one, other) / np.linalg.norm(one) / np.linalg.norm(other)
    assert abs(cosine) < 0.35 and abs(np.vdot(one, whole(job) - base)) < 0.35 * real**2


def test_one_pass_tells_cosines_shrink_and_why_numbers_stay(stored: list[StoredWeights]) -> None:
    jobs = {name: negation(stored, "linear", name, scale=0.01) for name in stored[0].shapes}
    types = dict.fromkeys(jobs, "BF16")
    looked = look_over(jobs, types, round_nearest, threads=2)
    vectors = [
        np.concatenate([(tensors(model)[name] - tensors(-1)[name]).ravel() for name in jobs]).astype(
            np.float64
        )
        for model in range(3)
    ]
    lengths = [np.linalg.norm(vector) for vector in vectors]
    wanted = np.array([[a @ b for a in vectors] for b in vectors]) / np.outer(lengths, lengths)
    np.testing.assert_allclose(looked.cosines, wanted, atol=1e-9)
    mean = np.mean(vectors, axis=0)
    shrink = mean @ mean / np.mean(np.square(lengths))
    np.testing.assert_allclose(looked.shrink, shrink, rtol=1e-5)
    np.testing.assert_allclose(looked.predicted, shrink, rtol=1e-2)  # exact where all are as long
    base = np.concatenate([tensors(-1)[name].ravel() for name in jobs])

    def bf16(numbers: np.ndarray) -> np.ndarray:
        return round_nearest(np.array(numbers, np.float32), "BF16", "", 0)

    same = bf16(base - 0.01 * mean) == bf16(base)
    alone = np.sum([bf16(base - 0.01 * vector) != bf16(base) for vector in vectors], axis=0)
    touched = np.any([vector != 0 for vector in vectors], axis=0)
    assert looked.parameters == base.size and looked.untouched == int((~touched).sum())
    assert abs(looked.unchanged - int(same.sum())) <= 3
    assert abs(looked.cancelled - int((same & touched & (alone >= 2)).sum())) <= 3
    assert 0 < looked.cancelled < looked.unchanged  # some stay because they cancel, some because of the grid
    assert looked.stored_apart <= 3 and looked.apart < 1e-6
    again = look_over(jobs, types, round_nearest, threads=1)
    np.testing.assert_array_equal(looked.products, again.products)
    assert (looked.step, looked.unchanged) == (again.step, again.unchanged)
