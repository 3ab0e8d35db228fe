"""Weighted sums of task vectors (Ilharco et al., ICLR 2023, arXiv 2212.04089); a negative weight negates."""

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import SUMMED, add_up
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def task_arithmetic(block: Block, values: Values, _: Survey) -> Numbers:
    """``base + scale * sum w_i (x_i - base)``."""
    return add_up(block, block.task_vectors, values)


TASK_ARITHMETIC = Method("task_arithmetic", task_arithmetic, needs=("weight",), uses=SUMMED)
