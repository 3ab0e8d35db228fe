"""DELLA: drop numbers at random, small ones more often (Deep et al., 2024, arXiv 2406.11617)."""

import numpy as np

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import SUMMED, add_up, agree_on_signs
from detox_cli.models.merging.draws import uniform
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.surveys import magnitude_bits


def della(block: Block, values: Values, _: Survey) -> Numbers:
    """Dropped by magnitude, merged where weighted signs agree."""
    return agree_on_signs(block, dropped(block, values), values)


def della_linear(block: Block, values: Values, _: Survey) -> Numbers:
    """Dropped by magnitude, added up."""
    return add_up(block, dropped(block, values), values)


def dropped(block: Block, values: Values) -> list[Numbers]:
    """The task vectors, a number kept with the probability of its rank, and divided by it if ``rescale``."""
    vectors = block.task_vectors
    given = zip(vectors, values.densities, values.epsilons, values.keys, strict=True)
    for vector, density, epsilon, key in given:
        if density < 1:
            chance = probabilities(vector, density, epsilon)
            vector *= uniform(key, block.first, vector.size).reshape(vector.shape) < chance
            if values.rescale:
                vector /= np.maximum(chance, np.finfo(np.float32).tiny)
    return list(vectors)


def probabilities(vector: Numbers, density: float, epsilon: float) -> Numbers:
    """From ``density - epsilon`` for the smallest of a row to ``density + epsilon`` for its largest.

    Rows are the output units of a matrix, which the paper ranks one by one, so ``[rows, columns]`` must hold
    whole rows. Equal magnitudes are ranked by their place.
    """
    columns = vector.shape[1]
    # Magnitude first, then place: one sort of whole numbers, which is faster than sorting indices.
    keys = magnitude_bits(vector).reshape(vector.shape).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(columns, dtype=np.uint64)
    keys.sort(axis=1)
    order = (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)
    ranks = np.empty_like(vector)
    steps = np.linspace(density - epsilon, density + epsilon, columns, dtype=np.float32)
    np.put_along_axis(ranks, order, np.broadcast_to(steps, vector.shape), axis=1)
    return ranks


USES = ("density", "epsilon", "rescale", *SUMMED)
DELLA = Method("della", della, normalize=True, rescale=True, needs=("weight",), uses=USES)
DELLA_LINEAR = Method("della_linear", della_linear, rescale=True, needs=("weight",), uses=USES)
