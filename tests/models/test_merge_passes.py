"""What a merge finds out of whole tensors while it reads them: hashes of files, inner products."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from detox_cli.models.checkpoint.folder import SINGLE, Checkpoint
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.merging.block import row_ranges
from detox_cli.models.merging.draws import kept_by_chance, stream_key
from detox_cli.models.merging.read_hashes import hash_blocks
from detox_cli.models.merging.sources import StoredWeights
from detox_cli.models.merging.surveys import RUN, inner_products

SHAPES = {"table": (1000, 301), "gain": (30,), "constant": ()}


def test_hashes_taken_while_reading_are_those_of_the_file(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    path = tmp_path / SINGLE
    tensors = {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    save_file({name: np.asarray(value) for name, value in tensors.items()}, path)
    checkpoint, alone = Checkpoint(tmp_path, {}, (SINGLE,), read_header(path)), hash_blocks(path)
    for wanted in (list(SHAPES), ["table"], []):  # the rest, or all of it, is read for the hash
        with StoredWeights(checkpoint, "hashed", hashed=True) as read:
            for tensor in wanted:
                for rows in row_ranges(SHAPES[tensor]):
                    read.rows(tensor, *rows)
            read.rows("table", 3, 9)  # no block
            assert read.hashes is not None and read.hashes.of_file(path) == alone
    content = path.read_bytes()
    last, middle = len(content) - 1, len(content) // 2
    changed = [content.replace(b'"gain"', b'"pain"', 1)]
    changed += [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in (middle, last)]
    for other in changed:
        path.write_bytes(other)
        assert hash_blocks(path) != alone


@pytest.mark.parametrize("size", [1.0, 1e-18, 1e18])
def test_inner_products_are_those_of_float64(size: float) -> None:
    random = np.random.default_rng(5)
    common = random.standard_normal((1, 3 * RUN + 77))
    vectors = [(size * (common + random.standard_normal(common.shape))).astype(np.float32) for _ in range(3)]
    for some in (vectors, [*vectors, np.zeros_like(vectors[0])]):
        wide = np.concatenate(some).astype(np.float64)
        lengths = np.linalg.norm(wide, axis=1)
        lengths[lengths == 0] = 1
        apart = (inner_products(some) - wide @ wide.T) / np.outer(lengths, lengths)
        assert np.abs(apart).max() < 1e-7


@pytest.mark.parametrize("steps", [0, 1, 255, 256, 32768, 34734, 65535, 65536])
def test_the_wanted_share_is_kept_whatever_place_is_asked_first(steps: int) -> None:
    key, count = stream_key(3, "table", 1), 1 << 21
    whole = kept_by_chance(key, 0, count, steps)
    share = steps / 65536
    assert abs(whole.mean() - share) <= 4 * (share * (1 - share) / count) ** 0.5
    halves = whole[::2].mean(), whole[1::2].mean(), whole[: count // 2].mean()
    assert max(halves) - min(halves) <= 8 * (share * (1 - share) / count) ** 0.5
    for first in (0, 7, 100_003, count - 5):
        np.testing.assert_array_equal(kept_by_chance(key, first, 5, steps), whole[first : first + 5])
    more = kept_by_chance(key, 0, count, min(65536, steps + 300))
    assert (more | ~whole).all()  # a higher density keeps all that a lower one keeps
