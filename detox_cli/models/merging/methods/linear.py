"""Weighted mean of weights ("model soup"; Wortsman et al., ICML 2022, arXiv 2203.05482)."""

from detox_cli.errors import BadSettings
from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import sum_up
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
    return sum_up(block.models, values.weights, 1 / total)


LINEAR = Method(
    "linear", linear, base="none", normalize=True, needs=("weight",), uses=("weight", "normalize")
)
