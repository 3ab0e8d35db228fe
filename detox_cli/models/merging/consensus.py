"""From sparse task vectors to a merged block: added up, or only where signs agree."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.settings import Values

SIGN = np.uint32(1 << 31)
ONE_BYTE = 256
SUMMED = ("weight", "normalize", "lambda")
"""The values that count wherever task vectors are added up."""


def add_up(block: Block, vectors: Sequence[Numbers], values: Values) -> Numbers:
    """``base + scale * sum w_i v_i``, over ``sum w_i`` if ``normalize``; uses up ``vectors``.

    Where nothing is added, the base stays as it is, to the last bit.
    """
    weights = sum(values.weights)
    factor = values.scale / weights if values.normalize and abs(weights) > 1e-8 else values.scale
    if not factor or not any(values.weights):
        return block.counted_from
    total = sum_up(vectors, values.weights, factor)
    total += block.counted_from
    return total


def sum_up(vectors: Sequence[Numbers], weights: Sequence[float], factor: float = 1.0) -> Numbers:
    """``factor * sum w_i v_i`` in float32, in the order given; uses up ``vectors``."""
    total, *others = vectors
    same = len(set(weights)) == 1
    if not same:
        total *= np.float32(weights[0])
    for vector, weight in zip(others, weights[1:], strict=True):
        if not same:
            vector *= np.float32(weight)
        total += vector
    last = factor * weights[0] if same else factor
    if last != 1:
        total *= np.float32(last)
    return total


def agree_on_signs(block: Block, vectors: Sequence[Numbers], values: Values) -> Numbers:
    """As ``add_up``, but every number counts only the vectors whose weighted sign is that of their sum.

    A sum of zero elects the positive sign. With ``normalize`` every number is divided by the weights of
    those that counted (Yadav et al., NeurIPS 2023, arXiv 2306.01708, "elect sign" and "disjoint merge").
    Uses up ``vectors``.
    """
    shared = values.weights[0] if len(set(values.weights)) == 1 and values.weights[0] > 0 else None
    weights = (1.0,) * len(vectors) if shared else values.weights
    total, sizes = _both_sums(vectors, weights)
    signs = total.view(np.uint32) & SIGN
    counted = _counted(vectors, signs, weights) if values.normalize else None
    # Those that agree make p, the others q: |p - q| + (p + q) is 2 p.
    np.abs(total, out=total)
    total += sizes
    if counted is not None:
        total /= counted
    factor = values.scale / 2
    if shared and counted is None:
        factor *= shared
    total *= np.float32(factor)
    _turn(total, signs)
    total += block.counted_from
    return total


def _both_sums(vectors: Sequence[Numbers], weights: Sequence[float]) -> tuple[Numbers, Numbers]:
    """``sum w_i v_i`` and ``sum |w_i v_i|``; ``vectors`` become weighted."""
    for vector, weight in zip(vectors, weights, strict=True):
        if weight != 1:
            vector *= np.float32(weight)
    total, sizes = vectors[0].copy(), np.abs(vectors[0])
    scratch = np.empty_like(total)
    for vector in vectors[1:]:
        total += vector
        sizes += np.abs(vector, out=scratch)
    return total, sizes


def _counted(vectors: Sequence[Numbers], signs: NDArray[np.uint32], weights: Sequence[float]) -> Numbers:
    """The sum of the weights of the vectors that have a sign, place by place, or 1; uses up ``vectors``."""
    for vector in vectors:
        _turn(vector, signs)
    agree = [np.greater(vector, 0) for vector in vectors]
    if set(weights) == {1.0} and len(weights) < ONE_BYTE:
        times = agree[0].view(np.uint8)
        for more in agree[1:]:
            times += more.view(np.uint8)
        return np.maximum(times, 1, out=times).astype(np.float32)
    counted = np.zeros(signs.shape, np.float32)
    for one, weight in zip(agree, weights, strict=True):
        counted += np.multiply(one, np.float32(weight), dtype=np.float32)
    counted += np.abs(counted) < 1e-8
    return counted


def _turn(numbers: Numbers, signs: NDArray[np.uint32]) -> None:
    """Turn the signs of numbers where ``signs`` has its highest bit, in place."""
    bits = numbers.view(np.uint32)
    np.bitwise_xor(bits, signs, out=bits)
