"""Merge methods against their definitions on whole tensors, and the streams around them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.checkpoint.numbers import decode, encode
from detox_cli.models.merging.block import BLOCK
from detox_cli.models.merging.cuts import SMALL, sampled_rows
from detox_cli.models.merging.draws import kept_by_chance, short_draws, stream_key, uniform
from detox_cli.models.merging.layout import lay_out
from detox_cli.models.merging.methods import METHODS
from detox_cli.models.merging.rounding import Rounding, round_by_chance, round_nearest, rounding_of
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.sources import StoredWeights
from detox_cli.models.merging.tensor import Job, survey
from detox_cli.models.merging.write import merge_shard

Wide = NDArray[np.float64]
SHAPES = {"table": (1400, 301), "matrix": (40, 30), "gain": (30,), "constant": ()}
WEIGHTS, DENSITY, GAMMA, EPSILON = (0.5, -0.3, 0.9), 0.4, 0.05, 0.2


def stored(folder: Path, name: str, tensors: Mapping[str, Wide], dtype: str = "F32") -> StoredWeights:
    """A checkpoint with these tensors."""
    place = folder / name
    place.mkdir()
    (shard,) = lay_out([(n, dtype, t.shape) for n, t in tensors.items()], place, 1 << 40)
    data = b"".join(
        encode(np.array(tensors[t.name], dtype=np.float32).reshape(-1), dtype).tobytes()
        for t in shard.tensors
    )
    (place / shard.name).write_bytes(shard.header + data)
    return StoredWeights(Checkpoint(place, {}, (shard.name,), read_header(place / shard.name)), name)


@pytest.fixture
def models(tmp_path: Path) -> list[dict[str, Wide]]:
    """A base and three models; a fifth of the differences are exactly one size, and some are zero."""
    random = np.random.default_rng(7)
    base = {name: random.standard_normal(shape) for name, shape in SHAPES.items()}
    made = [base]
    for _ in range(3):
        one = {}
        for name, value in base.items():
            step = random.standard_normal(value.shape) * 0.1
            step = np.where(random.random(value.shape) < 0.2, np.copysign(0.0625, step), step)
            one[name] = value + np.where(random.random(value.shape) < 0.1, 0.0, step)
        made.append(one)
    return [{n: np.asarray(v, np.float32).astype(np.float64) for n, v in m.items()} for m in made]


def values_for(name: str, tensor: str, count: int) -> Values:
    method = METHODS[name]
    return Values(
        weights=WEIGHTS[:count],
        densities=(DENSITY,) * count,
        gammas=(GAMMA,) * count,
        epsilons=(EPSILON,) * count,
        normalize=method.normalize,
        rescale=method.rescale,
        scale=0.7,
        t=0.3,
        keys=tuple(stream_key(0, tensor, model) for model in range(count)),
    )


def merged(
    folder: Path,
    name: str,
    models: list[dict[str, Wide]],
    threads: int,
    dtype: str = "F32",
    rounding: Rounding = "nearest",
    **changes: object,
) -> dict[str, Wide]:
    """Through files: the tensors that the method writes; ``changes`` are other values."""
    folder.mkdir()
    weights = [stored(folder, f"model{i}", model, dtype) for i, model in enumerate(models)]
    method = METHODS[name]
    chosen = tuple(weights[1 : 1 + (method.most or 3)])
    base = None if method.base == "none" else weights[0]
    (shard,) = lay_out([(n, dtype, shape) for n, shape in SHAPES.items()], folder, 1 << 40)
    values = {n: replace(values_for(name, n, len(chosen)), **changes) for n in SHAPES}
    jobs = {n: Job(n, s, method, values[n], chosen, base) for n, s in SHAPES.items()}
    merge_shard(shard, jobs, folder, threads, rounding_of(rounding, 3), lambda _: None)
    written = (folder / shard.name).read_bytes()
    tensors = read_header(folder / shard.name)
    numbers = {
        n: np.frombuffer(written[t.start : t.start + t.size], storage(dtype)) for n, t in tensors.items()
    }
    return {n: decode(v, dtype).astype(np.float64).reshape(SHAPES[n]) for n, v in numbers.items()}


def storage(dtype: str) -> type:
    return np.float32 if dtype == "F32" else np.uint16


# The definitions, on whole tensors, with full sorts.


def keep_largest(vector: Wide, count: int) -> NDArray[np.bool_]:
    order = np.argsort(-np.abs(vector.ravel()), kind="stable")[:count]
    mask = np.zeros(vector.size, bool)
    mask[order] = True
    return mask.reshape(vector.shape)


def trimmed(vector: Wide) -> Wide:
    return vector * keep_largest(vector, int(DENSITY * vector.size))


def middle(vector: Wide) -> Wide:
    wanted = int(DENSITY * vector.size)
    outliers = min(int(GAMMA * vector.size), vector.size - wanted)
    return vector * keep_largest(vector, wanted + outliers) * ~keep_largest(vector, outliers)


def draws(vector: Wide, tensor: str, model: int) -> Wide:
    return uniform(stream_key(0, tensor, model), 0, vector.size).reshape(vector.shape).astype(np.float64)


def by_chance(vector: Wide, tensor: str, model: int) -> Wide:
    steps = round(DENSITY * 65536)
    kept = kept_by_chance(stream_key(0, tensor, model), 0, vector.size, steps)
    return np.where(kept.reshape(vector.shape), vector * 65536 / steps, 0)


def by_rank(vector: Wide, tensor: str, model: int) -> Wide:
    rows = np.atleast_2d(vector)
    chance = np.empty_like(rows)
    for row, out in zip(rows, chance, strict=True):
        place = np.argsort(np.abs(row), kind="stable")
        out[place] = np.linspace(DENSITY - EPSILON, DENSITY + EPSILON, len(row), dtype=np.float32)
    chance = chance.reshape(vector.shape)
    return np.where(draws(vector, tensor, model) < chance, vector / chance, 0)


def elected(vectors: list[Wide], normalize: bool) -> Wide:
    weighted = [vector * weight for vector, weight in zip(vectors, WEIGHTS, strict=True)]
    sign = np.where(sum(weighted) >= 0, 1, -1)
    agree = [np.sign(vector) == sign for vector in weighted]
    total = sum(vector * mask for vector, mask in zip(weighted, agree, strict=True))
    if not normalize:
        return np.asarray(total)
    counted = sum(mask * weight for mask, weight in zip(agree, WEIGHTS, strict=True))
    return np.asarray(total / np.where(np.abs(counted) < 1e-8, 1, counted))


def summed(vectors: list[Wide]) -> Wide:
    return np.asarray(sum(vector * weight for vector, weight in zip(vectors, WEIGHTS, strict=True)))


def arc(one: Wide, other: Wide, t: float) -> Wide:
    cosine = float((one * other).sum() / np.linalg.norm(one.ravel()) / np.linalg.norm(other.ravel()))
    if abs(cosine) > 0.9995:
        return (1 - t) * one + t * other
    angle = np.arccos(cosine)
    return np.asarray((np.sin((1 - t) * angle) * one + np.sin(t * angle) * other) / np.sin(angle))


def stock(base: Wide, vectors: list[Wide]) -> Wide:
    unit = [vector.ravel() / np.linalg.norm(vector.ravel()) for vector in vectors]
    cosine = np.mean([unit[0] @ unit[1], unit[0] @ unit[2], unit[1] @ unit[2]])
    ratio = 3 * cosine / (1 + 2 * cosine)
    return base + ratio * sum(vectors) / 3


Definition = Callable[[str, Wide, list[Wide], list[Wide]], Wide]

DEFINITIONS: dict[str, Definition] = {
    "linear": lambda n, b, x, v: summed(x) / sum(WEIGHTS),
    "task_arithmetic": lambda n, b, x, v: b + 0.7 * summed(v),
    "ties": lambda n, b, x, v: b + 0.7 * elected([trimmed(d) for d in v], True),
    "dare_linear": lambda n, b, x, v: b + 0.7 * summed([by_chance(d, n, i) for i, d in enumerate(v)]),
    "dare_ties": lambda n, b, x, v: b + 0.7 * elected([by_chance(d, n, i) for i, d in enumerate(v)], False),
    "della": lambda n, b, x, v: b + 0.7 * elected([by_rank(d, n, i) for i, d in enumerate(v)], True),
    "della_linear": lambda n, b, x, v: b + 0.7 * summed([by_rank(d, n, i) for i, d in enumerate(v)]),
    "breadcrumbs": lambda n, b, x, v: b + 0.7 * summed([middle(d) for d in v]),
    "breadcrumbs_ties": lambda n, b, x, v: b + 0.7 * elected([middle(d) for d in v], False),
    "passthrough": lambda n, b, x, v: WEIGHTS[0] * x[0],
    "slerp": lambda n, b, x, v: arc(x[0], x[1], 0.3),
    "nuslerp": lambda n, b, x, v: b + arc(v[0], v[1], WEIGHTS[1] / (WEIGHTS[0] + WEIGHTS[1])),
    "model_stock": lambda n, b, x, v: stock(b, v),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_in_blocks_is_its_definition_on_whole_tensors(
    name: str, tmp_path: Path, models: list[dict[str, Wide]]
) -> None:
    assert np.prod(SHAPES["table"]) > max(3 * BLOCK, SMALL)  # several blocks, and a sample for cuts
    got = merged(tmp_path / "out", name, models, threads=2)
    for tensor in ("table", "matrix", "gain"):
        base, *tuned = [model[tensor] for model in models]
        # Differences as the merge takes them, in float32, where equal ones are equal.
        steps = [(one.astype(np.float32) - base.astype(np.float32)).astype(np.float64) for one in tuned]
        want = DEFINITIONS[name](tensor, base, tuned, steps)
        np.testing.assert_allclose(got[tensor], want, rtol=2e-5, atol=2e-6, err_msg=tensor)


@pytest.mark.parametrize("name", METHODS)
def test_the_values_that_a_method_says_it_uses_are_those_that_make_a_difference(
    name: str, tmp_path: Path, models: list[dict[str, Wide]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.models.test_merging.SHAPES", {"matrix": SHAPES["matrix"]})
    small = [{"matrix": model["matrix"]} for model in models]
    count, method = min(3, METHODS[name].most or 3), METHODS[name]
    changes = {
        "weight": {"weights": (0.8, 0.4, 0.3)[:count]},
        "density": {"densities": (0.7,) * count},
        "gamma": {"gammas": (0.2,) * count},
        "epsilon": {"epsilons": (0.05,) * count},
        **{each: {each: not getattr(method, each)} for each in ("normalize", "rescale")},
        "lambda": {"scale": 0.2},
        "t": {"t": 0.6},
    }
    before = merged(tmp_path / "before", name, small, threads=1)["matrix"]
    after = {n: merged(tmp_path / n, name, small, 1, **change)["matrix"] for n, change in changes.items()}
    assert {n for n, matrix in after.items() if not np.array_equal(matrix, before)} == set(method.uses)


@pytest.mark.parametrize("name", ["linear", "ties", "dare_ties", "della", "model_stock"])
def test_bytes_do_not_depend_on_the_number_of_threads(
    name: str, tmp_path: Path, models: list[dict[str, Wide]]
) -> None:
    one = merged(tmp_path / "one", name, models, threads=1, dtype="BF16", rounding="stochastic")
    four = merged(tmp_path / "four", name, models, threads=4, dtype="BF16", rounding="stochastic")
    for tensor in SHAPES:
        np.testing.assert_array_equal(one[tensor], four[tensor])


@pytest.mark.parametrize("kind", ["misleading", "few sizes", "mostly zeros"])
def test_cuts_are_those_of_a_sort_whatever_the_sample_says(kind: str, tmp_path: Path) -> None:
    random, (rows, columns) = np.random.default_rng(3), SHAPES["table"]
    step = random.standard_normal((rows, columns))
    if kind == "misleading":
        for first, last in sampled_rows(rows, columns):
            step[first:last] *= 1e-3
    elif kind == "few sizes":
        step = np.sign(step) * 2.0 ** np.round(np.abs(step))
    else:
        step *= random.random(step.shape) < 0.1
    step = step.astype(np.float32).astype(np.float64)
    base = stored(tmp_path, "base", {"table": np.zeros_like(step)})
    model = stored(tmp_path, "model", {"table": step})
    job = Job("table", step.shape, METHODS["ties"], values_for("ties", "table", 1), (model,), base)
    found = survey(job, map)
    blocks = (job.block(*place) for stripe in job.stripes for place in stripe)
    kept = np.concatenate([found.keeps(block.task_vectors[0], 0, block.number) for block in blocks])
    np.testing.assert_array_equal(np.where(kept, step, 0), trimmed(step))


@pytest.mark.parametrize(("draw", "span"), [(uniform, 1), (short_draws, 1 << 16)])
def test_draws_depend_on_the_place_alone(draw: Callable[[int, int, int], Wide], span: int) -> None:
    whole = draw(stream_key(3, "table", 1), 0, 1000)
    pieces = [draw(stream_key(3, "table", 1), first, 37) for first in range(0, 963, 37)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole[: 37 * len(pieces)])
    assert abs(whole.mean() / span - 0.5) < 4 * (1 / 12 / 1000) ** 0.5
    assert not np.array_equal(whole, draw(stream_key(3, "table", 2), 0, 1000))


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_rounding_by_chance_is_right_on_average(dtype: str) -> None:
    size = 20_000
    wanted = np.float32(0.3) if dtype == "BF16" else np.float32(3e-6)  # the second is subnormal
    numbers = np.full(size, wanted)
    found = decode(round_by_chance(5, numbers.copy(), dtype, "table", 0), dtype).astype(np.float64)
    below, above = np.unique(found)
    assert below < wanted < above
    nearest = round_nearest(np.array([wanted]), dtype, "", 0)[0]
    neighbours = decode(np.array([nearest - 1, nearest, nearest + 1], np.uint16), dtype)
    assert {below, above} < set(neighbours.astype(np.float64))
    share = (wanted - below) / (above - below)
    assert abs((found == above).mean() - share) < 4 * (share * (1 - share) / size) ** 0.5
    held = decode(np.arange(0, 0x7C00, dtype=np.uint16), dtype).astype(np.float32)
    np.testing.assert_array_equal(decode(round_by_chance(5, held.copy(), dtype, "table", 0), dtype), held)


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_rounding_by_chance_depends_on_the_place_alone(dtype: str) -> None:
    numbers = np.random.default_rng(1).standard_normal(999).astype(np.float32)
    whole = round_by_chance(5, numbers.copy(), dtype, "table", 0)
    pieces = [round_by_chance(5, numbers[i : i + 37].copy(), dtype, "table", i) for i in range(0, 999, 37)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert not np.array_equal(round_by_chance(6, numbers.copy(), dtype, "table", 0), whole)


def test_numbers_that_are_not_finite_are_named(tmp_path: Path, models: list[dict[str, Wide]]) -> None:
    models[2]["matrix"] = models[2]["matrix"].copy()
    models[2]["matrix"][3, 4] = np.nan
    with pytest.raises(BadData, match="matrix holds numbers that are not finite"):
        merged(tmp_path / "out", "task_arithmetic", models, threads=2)
