"""Weighted mean of weights ("model soup"; Wortsman et al., ICML 2022, arXiv 2203.05482)."""

import numpy as np

from detox_cli.errors import BadSettings
from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def linear(block: Block, values: Values, _: Survey) -> Numbers:
    """``sum w_i x_i``, divided by ``sum w_i`` if ``normalize``.

    Raises:
        BadSettings: The weights add up to zero.
    """
    total = sum(values.weights) if values.normalize else 1.0
    if abs(total) < 1e-8:
        raise BadSettings("the weights of a mean add up to zero", hint="change them, or add normalize: false")
    return weighted_sum(block.models, tuple(weight / total for weight in values.weights))


def weighted_sum(vectors: tuple[Numbers, ...], weights: tuple[float, ...]) -> Numbers:
    """``sum w_i v_i`` in float32, in the order given."""
    total = vectors[0] * np.float32(weights[0])
    scratch = np.empty_like(total)
    for vector, weight in zip(vectors[1:], weights[1:], strict=True):
        np.multiply(vector, np.float32(weight), out=scratch)
        total += scratch
    return total


LINEAR = Method("linear", linear, base="none", normalize=True, needs=("weight",))
