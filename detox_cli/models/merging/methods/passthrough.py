"""One model as it is, to stack layers of several (``passthrough`` of mergekit)."""

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import sum_up
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def passthrough(block: Block, values: Values, _: Survey) -> Numbers:
    """The model's numbers, times its scale."""
    return sum_up(block.models, values.weights)


PASSTHROUGH = Method("passthrough", passthrough, base="none", most=1, uses=("weight",))
