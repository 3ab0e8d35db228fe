"""From sparse task vectors to a merged block: added up, or only where signs agree."""

from collections.abc import Sequence

import numpy as np

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.settings import Values


def add_up(block: Block, vectors: Sequence[Numbers], values: Values) -> Numbers:
    """``base + scale * sum w_i v_i``, over ``sum w_i`` if ``normalize``; uses up ``vectors``."""
    total = _weighted(vectors[0], values.weights[0])
    for vector, weight in zip(vectors[1:], values.weights[1:], strict=True):
        total += _weighted(vector, weight)
    weights = sum(values.weights)
    factor = values.scale / weights if values.normalize and abs(weights) > 1e-8 else values.scale
    total *= np.float32(factor)
    total += block.counted_from
    return total


def agree_on_signs(block: Block, vectors: Sequence[Numbers], values: Values) -> Numbers:
    """As ``add_up``, but every number counts only the vectors whose weighted sign is that of their sum.

    A sum of zero elects the positive sign. With ``normalize`` every number is divided by the weights of
    those that counted (Yadav et al., NeurIPS 2023, arXiv 2306.01708, "elect sign" and "disjoint merge").
    Uses up ``vectors``.
    """
    weighted = [_weighted(vector, weight) for vector, weight in zip(vectors, values.weights, strict=True)]
    total = weighted[0].copy()
    for vector in weighted[1:]:
        total += vector
    elected = np.copysign(np.float32(1), total)
    total[...] = 0
    counted = np.zeros_like(total)
    for vector, weight in zip(weighted, values.weights, strict=True):
        vector *= elected  # what agrees is positive now
        np.maximum(vector, 0, out=vector)
        total += vector
        if values.normalize:
            counted += np.multiply(vector > 0, np.float32(weight))
    total *= elected
    if values.normalize:
        counted[np.abs(counted) < 1e-8] = 1
        total /= counted
    total *= np.float32(values.scale)
    total += block.counted_from
    return total


def _weighted(vector: Numbers, weight: float) -> Numbers:
    if weight != 1:
        vector *= np.float32(weight)
    return vector
