"""TIES: trim, elect signs, merge (Yadav et al., NeurIPS 2023, arXiv 2306.01708)."""

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import SUMMED, agree_on_signs
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def ties(block: Block, values: Values, survey: Survey) -> Numbers:
    """The largest ``density`` of every task vector, where weighted signs agree, over the base."""
    return agree_on_signs(block, trimmed(block, survey), values)


def trimmed(block: Block, survey: Survey) -> list[Numbers]:
    """The task vectors with all but their largest numbers at zero."""
    vectors = block.task_vectors
    for model, vector in enumerate(vectors):
        vector *= survey.keeps(vector, model, block.number)
    return list(vectors)


def largest(values: Values, size: int) -> tuple[tuple[int, ...], ...]:
    """How many numbers of each task vector are kept."""
    return tuple((int(density * size),) for density in values.densities)


TIES = Method("ties", ties, ranks=largest, normalize=True, needs=("weight",), uses=("density", *SUMMED))
