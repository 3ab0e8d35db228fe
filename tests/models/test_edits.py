"""The mathematics of edits, rounding and directions, for any numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.checkpoint.numbers import decode, encode, next_towards
from detox_cli.models.checkpoint.residue import limit_of
from detox_cli.models.directions import orthonormal, through_gain
from detox_cli.models.edits import Edit, edit_vectors
from detox_cli.models.rounding import round_exactly, round_nearest

seeds = st.integers(0, 2**32 - 1)


def vectors_and_basis(seed: int, width: int, count: int, columns: int = 5, by_rows: bool = False):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((columns, width)).T if by_rows else rng.standard_normal((width, columns))
    return vectors, orthonormal(rng.standard_normal((count, width)))


@given(seeds, st.integers(2, 40), st.integers(1, 4), st.floats(-1, 2), st.booleans())
def test_an_edit_scales_the_component_and_leaves_the_rest(seed, width, count, strength, by_rows) -> None:
    vectors, basis = vectors_and_basis(seed, width, min(count, width - 1), by_rows=by_rows)
    edited, before, wanted = edit_vectors(vectors.copy(), Edit(basis, strength))
    assert np.allclose(before, basis.T @ vectors) and np.allclose(wanted, (1 - strength) * before)
    assert np.allclose(basis.T @ edited, wanted)
    assert np.allclose(edited - basis @ (basis.T @ edited), vectors - basis @ before)


@given(seeds, st.integers(2, 40), st.integers(1, 4), st.floats(0, 2))
def test_kept_norms_are_kept_and_the_component_is_still_the_wanted_one(seed, width, count, strength) -> None:
    vectors, basis = vectors_and_basis(seed, width, min(count, width - 1))
    vectors[:, 0] = basis[:, 0]  # nothing would be left of this one: it cannot keep its norm
    edited, before, _ = edit_vectors(vectors.copy(), Edit(basis, strength, keep_norms=True))
    assert np.allclose(basis.T @ edited, (1 - strength) * before)
    norms = np.linalg.norm(edited, axis=0)
    assert np.allclose(norms[1:], np.linalg.norm(vectors, axis=0)[1:])
    assert norms[0] == pytest.approx(abs(1 - strength), abs=1e-6)


@given(seeds, st.floats(-3, 3))
def test_an_offset_takes_the_place_of_the_component(seed, offset) -> None:
    vectors, basis = vectors_and_basis(seed, 16, 2)
    edited, *_ = edit_vectors(vectors, Edit(basis, offset=np.array([offset, 0.5])))
    assert np.allclose(basis.T @ edited, [[offset], [0.5]])


def test_edits_that_contradict_themselves_are_refused() -> None:
    basis = orthonormal(np.ones(4))
    with pytest.raises(BadSettings, match="from 0 to 2, not for"):
        Edit(basis, 2.5, keep_norms=True)
    with pytest.raises(ValueError, match="while an offset is added"):
        Edit(basis, keep_norms=True, offset=np.zeros(1))


@settings(max_examples=20)
@given(seeds, st.sampled_from(["BF16", "F16"]), st.sampled_from([1, 2, 3, 5]), st.booleans())
def test_exact_rounding_reaches_what_is_wanted_by_last_bits(seed, dtype, count, by_rows) -> None:
    vectors, basis = vectors_and_basis(seed, 256, count, 24, by_rows)
    vectors = decode(encode(0.02 * vectors.astype(np.float32), dtype), dtype)
    edited, before, wanted = edit_vectors(vectors.copy(order="K"), Edit(basis, 0.9))
    scale = float(np.linalg.norm(before))
    nearest = decode(round_nearest(edited.copy(order="K"), dtype), dtype)
    exact = decode(round_exactly(edited.copy(order="K"), dtype, basis, wanted, scale), dtype)
    off = {
        name: np.linalg.norm(basis.T @ w - wanted) / scale for name, w in (("near", nearest), ("ex", exact))
    }
    assert off["ex"] < 1e-5 < off["near"]
    moved = np.abs(exact - edited).max() / np.abs(edited).max()
    assert moved < (0.012 if dtype == "BF16" else 0.0015)
    assert np.linalg.norm(exact - edited) < 2 * np.linalg.norm(nearest - edited)


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
@pytest.mark.parametrize("width", [16, 32, 64, 128, 1024, 4096])
def test_a_single_short_vector_is_rounded_as_exactly(width, dtype) -> None:
    """Biases: one vector of few numbers has no other to make up for what is left in it."""
    for seed, count in [(seed, count) for seed in range(8) for count in (1, 2, 3)]:
        vectors, basis = vectors_and_basis(seed, width, count, 1)
        vectors = decode(encode(0.02 * vectors.astype(np.float32), dtype), dtype)
        edited, before, wanted = edit_vectors(vectors.copy(), Edit(basis))
        scale = max(float(np.linalg.norm(before)), np.linalg.norm(vectors) * (count / width) ** 0.5)
        exact = decode(round_exactly(edited.copy(), dtype, basis, wanted, scale), dtype)
        off = np.linalg.norm(basis.T @ exact.astype(np.float64) - wanted) / scale
        limit = limit_of(dtype, "exact", basis)
        assert off <= limit and (limit == 1e-5 or (width == 16 and count == 3))
        assert np.linalg.norm(exact - edited) < (0.02 if dtype == "BF16" else 0.003) * np.linalg.norm(edited)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_bfloat16_is_rounded_as_torch_rounds_it(numbers) -> None:
    import torch

    numbers = np.array(numbers, dtype=np.float32)
    ours = decode(encode(numbers.copy(), "BF16"), "BF16")
    assert np.array_equal(ours, torch.from_numpy(numbers).bfloat16().float().numpy())


@given(st.integers(0, 2**16 - 1), st.sampled_from(["BF16", "F16"]))
def test_neighbours_are_next_to_each_other(bits, dtype) -> None:
    here = np.array([bits], dtype=np.uint16)
    value = decode(here, dtype)
    if not np.isfinite(value) or value == 0:
        return
    above, below = next_towards(here, True), next_towards(here, False)
    assert decode(below, dtype) < value < decode(above, dtype)
    back = next_towards(above, False)
    assert np.array_equal(back, here) or decode(above, dtype) == 0


@given(seeds, st.booleans())
def test_what_is_orthogonal_before_a_norm_is_orthogonal_after_it(seed, centred) -> None:
    rng = np.random.default_rng(seed)
    basis, gain = orthonormal(rng.standard_normal((2, 12))), 1 + 0.5 * rng.standard_normal(12)
    seen = through_gain(basis, gain, centred)
    u = rng.standard_normal(12)
    u -= seen @ (seen.T @ u)
    y = gain * (u - u.mean() if centred else u) / np.sqrt((u**2).mean())
    assert np.allclose(basis.T @ y, 0)
    assert np.allclose(seen.T @ seen, np.eye(2))


def test_directions_that_are_none_are_refused() -> None:
    for wrong in (np.zeros(3), np.ones((2, 3)), np.array([1.0, np.nan])):
        with pytest.raises(BadData, match="direction"):
            orthonormal(wrong)
    with pytest.raises(BadData, match="is zero"):
        through_gain(orthonormal(np.array([1.0, 0.0])), np.array([0.0, 1.0]))
