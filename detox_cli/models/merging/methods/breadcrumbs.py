"""Breadcrumbs: drop smallest and largest numbers (Davari and Belilovsky, ECCV 2024, arXiv 2312.06795)."""

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import SUMMED, add_up, agree_on_signs
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def breadcrumbs(block: Block, values: Values, survey: Survey) -> Numbers:
    """The middle of every task vector, added up."""
    return add_up(block, middles(block, survey), values)


def breadcrumbs_ties(block: Block, values: Values, survey: Survey) -> Numbers:
    """The middle of every task vector, merged where weighted signs agree."""
    return agree_on_signs(block, middles(block, survey), values)


def middles(block: Block, survey: Survey) -> list[Numbers]:
    """The task vectors without their largest and their smallest numbers."""
    vectors = block.task_vectors
    for model, vector in enumerate(vectors):
        chosen = survey.keeps(vector, model, block.number, cut=1)
        chosen &= ~survey.keeps(vector, model, block.number, cut=0)
        vector *= chosen
    return list(vectors)


def crumbs(values: Values, size: int) -> tuple[tuple[int, ...], ...]:
    """How many numbers are outliers, and how many are outliers or kept.

    ``gamma`` of the numbers are outliers; where that leaves fewer than ``density``, fewer are.
    """
    ranks = []
    for density, gamma in zip(values.densities, values.gammas, strict=True):
        wanted, outliers = int(density * size), int(gamma * size)
        outliers = min(outliers, size - wanted)
        ranks.append((outliers, outliers + wanted))
    return tuple(ranks)


USES = ("density", "gamma", *SUMMED)
BREADCRUMBS = Method("breadcrumbs", breadcrumbs, ranks=crumbs, needs=("weight",), uses=USES)
BREADCRUMBS_TIES = Method("breadcrumbs_ties", breadcrumbs_ties, ranks=crumbs, needs=("weight",), uses=USES)
