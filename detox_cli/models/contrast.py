"""Losses that set what a model should write against what it should not."""

import torch
from torch.nn import functional

Tensor = torch.Tensor


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """The mean state of the positions that count: [rows, tokens, width], [rows, tokens] to [rows, width].

    A row in which nothing counts is zero.
    """
    weights = mask.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def anchored_contrast(anchors: Tensor, candidates: Tensor, present: Tensor, tau: float) -> Tensor:
    """-ln of the share that the positive has in a softmax over the cosines to an anchor, in nats.

    The toxic contrastive loss of Tang et al. 2024 (CMD, EMNLP; section 3.3): the softmax is over the positive
    and the negatives. With n negatives it lies between ln(1 + n e^(-2/tau)) and ln(1 + n e^(2/tau)); without
    one it is 0 and has no gradient.

    Args:
        anchors: [rows, width].
        candidates: [rows, candidates, width]; the first is the positive.
        present: [rows, candidates], false where a row has fewer; the positive is always there.
        tau: Temperature of the softmax.

    Returns:
        One loss a row.
    """
    cosines = functional.cosine_similarity(anchors.unsqueeze(1), candidates, dim=-1)
    scores = (cosines / tau).masked_fill(~present, -torch.inf)
    return scores.logsumexp(1) - scores[:, 0]


def preference(gaps: Tensor, reference_gaps: Tensor, beta: float) -> Tensor:
    """-ln sigmoid(beta (gap - gap of the reference)), in nats, one for each pair.

    Direct preference optimisation (Rafailov et al. 2023, equation 7); ln 2 where the model is the reference.

    Args:
        gaps: By how many nats the model finds the preferred text likelier than the other.
        reference_gaps: The same of the reference.
        beta: How much moving away from the reference costs.
    """
    return -functional.logsigmoid(beta * (gaps - reference_gaps))


def unlikelihood(nats: Tensor, counted: Tensor) -> Tensor:
    """The mean of -ln(1 - p) over the tokens of a text that should not be written: [rows, tokens] to [rows].

    Welleck et al. 2020 (arXiv 1908.04319, equation 4), on tokens.

    Args:
        nats: -ln p of each token.
        counted: Which tokens are meant.
    """
    # Below this a probability of 1 would cost infinitely much.
    surprise = nats.clamp(min=1e-6)
    losses = -torch.log(-torch.expm1(-surprise))
    return (losses * counted).sum(1) / counted.sum(1).clamp(min=1)
