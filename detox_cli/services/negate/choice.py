"""Which scales are tried, and which of them is taken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Literal

import numpy as np

from detox_cli.services.eval_compare.pareto import dominated

START, LARGEST, SMALLEST, HALVINGS = 0.5, 4.0, 1 / 32, 3
WITHOUT_BUDGET = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""What ``auto`` tries where nothing limits it; published scales lie between .3 and 1."""


@dataclass(frozen=True)
class Option:
    """A candidate as the rules see it."""

    scale: float
    toxicity: float
    perplexity: float


def search(within: Callable[[float], bool]) -> Iterator[float]:
    """The scales that ``auto`` tries: doubled or halved over the border of the budget, then halved between.

    Perplexity grows with the scale, nearly everywhere; where it does not, the table shows it.

    Args:
        within: Whether a scale that was yielded keeps the budget.
    """
    low, high, scale = 0.0, inf, START
    while SMALLEST <= scale <= LARGEST:
        yield scale
        if within(scale):
            low = scale
        else:
            high = scale
        if low and high < inf:
            break
        scale = 2 * scale if low else scale / 2
    if high == inf or not low:
        return
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        yield middle
        low, high = (middle, high) if within(middle) else (low, middle)


def choose(
    options: Sequence[Option], base: Option, budget: float, rule: Literal["largest", "front"]
) -> Option | None:
    """The candidate that a rule takes among those within the budget; ``None`` if there are none.

    ``largest`` is the rule of Ilharco et al. (ICLR 2023, appendix): the largest scale whose perplexity stays
    within the budget. ``front`` takes, of those that no other beats in both, the one with the lowest product
    of toxicity and perplexity, each as a share of the base's.

    Args:
        options: The candidates.
        base: The base itself.
        budget: The highest perplexity.
        rule: Which one is taken.
    """
    allowed = [one for one in options if one.perplexity <= budget and one.scale > 0]
    if not allowed:
        return None
    if rule == "largest":
        return max(allowed, key=lambda one: one.scale)
    beaten = dominated(-np.array([[[one.toxicity, one.perplexity] for one in allowed]]))[0].any(axis=1)
    front = [one for one, worse in zip(allowed, beaten, strict=True) if not worse]
    return min(front, key=lambda one: (_trade(one, base), one.perplexity))


def _trade(one: Option, base: Option) -> float:
    if one.toxicity <= 0 or base.toxicity <= 0:
        return -inf
    return log(one.toxicity / base.toxicity) + log(one.perplexity / base.perplexity)
