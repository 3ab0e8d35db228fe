"""The tokens that a model's own refusals start with, and how likely it is to start with one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST_MASS = 0.01
LEAST_ODDS = 1.0
PRIOR = 1e-3
SMALLEST = 1e-12


@dataclass(frozen=True)
class StartTokens:
    """What tells a refusal from an answer at its first token.

    Attributes:
        ids: Token ids, the most telling first.
        odds: For each the natural logarithm of how much likelier it starts a refusal than an answer.
        separation: The chance that a refused prompt has a higher `log_odds` than an answered one; 1 is
            perfect, and near .5 refusals start like answers, so that the first token tells nothing.
    """

    ids: tuple[int, ...]
    odds: tuple[float, ...]
    separation: float


def learn_start_tokens(refused: Sequence[Tensor], answered: Sequence[Tensor]) -> StartTokens:
    """Learn them from what the model predicts at the first position of its refusals and of its answers.

    A token counts if it has at least a hundredth of the probability mass of refusals there and e times as
    much as in answers; if there is none like that, the one that tells most.

    Args:
        refused: ln p of every word ``[vocabulary]`` after each prompt that the model refuses.
        answered: The same for prompts that it answers.
    """
    mass, other = (torch.stack([row.double().exp() for row in rows]).mean(0) for rows in (refused, answered))
    odds = ((mass + PRIOR) / (other + PRIOR)).log()
    order = odds.masked_fill(mass < LEAST_MASS, -torch.inf).argsort(descending=True)
    chosen = [int(t) for t in order if odds[t] >= LEAST_ODDS and mass[t] >= LEAST_MASS] or [int(order[0])]
    high, low = (
        torch.tensor([log_odds(row, chosen) for row in rows], dtype=torch.float64)
        for rows in (refused, answered)
    )
    above = (high[:, None] > low).double() + 0.5 * (high[:, None] == low).double()
    return StartTokens(tuple(chosen), tuple(float(odds[t]) for t in chosen), float(above.mean()))


def log_odds(log_probabilities: Tensor, ids: Sequence[int]) -> float:
    """ln(m / (1 - m)) of the mass m of ``ids`` in one distribution ``[vocabulary]``.

    The refusal metric of Arditi et al., NeurIPS 2024 (arXiv 2406.11717), equation 6.
    """
    mass = log_probabilities[list(ids)].double().exp().sum().clamp(SMALLEST, 1 - SMALLEST)
    return float(mass.log() - (1 - mass).log())
