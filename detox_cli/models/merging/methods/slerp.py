"""Spherical interpolation of two models (Shoemake, SIGGRAPH 1985), of whole tensors as one vector each."""

import math

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import sum_up
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values

ALMOST_PARALLEL = 0.9995
"""Above this cosine the sphere is as good as flat."""


def slerp(block: Block, values: Values, survey: Survey) -> Numbers:
    """From the first model (``t`` 0) to the second (``t`` 1) along the arc between them."""
    assert survey.products is not None
    return sum_up(block.models, arc_weights(survey.products, values.t, ALMOST_PARALLEL))


def arc_weights(products: NDArray[np.float64], t: float, parallel: float) -> tuple[float, float]:
    """The weights of two vectors on the arc between their directions; on the line if they are parallel.

    Args:
        products: Their inner products, ``[2, 2]``.
        t: Where between them.
        parallel: The absolute cosine from which on the line is taken.
    """
    lengths = math.sqrt(products[0, 0] * products[1, 1])
    cosine = float(products[0, 1]) / lengths if lengths > 0 else 1.0
    if abs(cosine) > parallel:
        return 1 - t, t
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    return math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)


SLERP = Method("slerp", slerp, base="none", least=2, most=2, products="models", needs=("t",), uses=("t",))
