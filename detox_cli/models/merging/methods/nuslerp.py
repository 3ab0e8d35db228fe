"""Spherical interpolation by weights; with a base, of the task vectors (``nuslerp`` of mergekit)."""

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import sum_up
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.methods.slerp import arc_weights
from detox_cli.models.merging.settings import Values

COLLINEAR = 1 - 1e-8


def nuslerp(block: Block, values: Values, survey: Survey) -> Numbers:
    """On the arc at ``w_2 / (w_1 + w_2)``, half-way where the weights cancel."""
    assert survey.products is not None
    total = sum(values.weights)
    t = values.weights[1] / total if abs(total) > 1e-6 else 0.5
    weights = arc_weights(survey.products, t, COLLINEAR)
    if block.base is None:
        return sum_up(block.models, weights)
    merged = sum_up(block.task_vectors, weights)
    merged += block.counted_from
    return merged


NUSLERP = Method(
    "nuslerp",
    nuslerp,
    base="possible",
    least=2,
    most=2,
    products="task vectors",
    needs=("weight",),
    uses=("weight",),
)
