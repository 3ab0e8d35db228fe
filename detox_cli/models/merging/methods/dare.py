"""DARE: drop numbers at random and scale up the rest (Yu et al., ICML 2024, arXiv 2311.03099)."""

import numpy as np

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import SUMMED, add_up, agree_on_signs
from detox_cli.models.merging.draws import kept_by_chance
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values

STEPS = 1 << 16


def dare_linear(block: Block, values: Values, _: Survey) -> Numbers:
    """``base + scale * sum w_i drop(x_i - base)``."""
    return add_up(block, dropped(block, values), values)


def dare_ties(block: Block, values: Values, _: Survey) -> Numbers:
    """The same, only where weighted signs agree."""
    return agree_on_signs(block, dropped(block, values), values)


def dropped(block: Block, values: Values) -> list[Numbers]:
    """The task vectors, every number kept with probability ``density``, and divided by it if ``rescale``.

    Densities are counted in steps of 1/65536; what is kept is divided by the step, so that means are exact.
    """
    vectors = block.task_vectors
    for vector, density, key in zip(vectors, values.densities, values.keys, strict=True):
        if density < 1:
            steps = max(1, round(density * STEPS)) if density > 0 else 0
            kept = kept_by_chance(key, block.first, vector.size, steps)
            vector *= kept.astype(np.float32).reshape(vector.shape)  # a product, so that NaN is not dropped
            if values.rescale and steps:
                vector *= np.float32(STEPS / steps)
    return list(vectors)


USES = ("density", "rescale", *SUMMED)
DARE_LINEAR = Method("dare_linear", dare_linear, rescale=True, needs=("weight",), uses=USES)
DARE_TIES = Method("dare_ties", dare_ties, rescale=True, needs=("weight",), uses=USES)
