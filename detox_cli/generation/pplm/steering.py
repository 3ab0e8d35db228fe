"""How keys and values are moved so that a probe sees more of its label (Dathathri et al., ICLR 2020).

"Plug and Play Language Models", arXiv 1912.02164, sections 3.2 and 3.3. The defaults are those with which the
published pairs were made (Li, Yong & Bach 2024, arXiv 2406.16235v2, table 9).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from detox_cli.generation.pplm.reading import Past, Reader

SMALL = 1e-15


@dataclass(frozen=True)
class Steering:
    """How hard a continuation is steered.

    Attributes:
        step_size: Length of a step, in the norm of a layer's keys and values.
        iterations: Steps before each token.
        window: How many last positions are moved; 0 for all.
        horizon: Expected tokens that the probe reads ahead.
        gamma: Power of the gradient's norm that it is divided by.
        gm_scale: Weight of the steered distribution in the geometric mean with the plain one.
        kl_scale: Weight of the KL divergence of the two.
        top_k: Keep the k likeliest tokens; 0 keeps all.
        temperature: Of the steered distribution.
    """

    step_size: float = 0.4
    iterations: int = 50
    window: int = 0
    horizon: int = 1
    gamma: float = 1.0
    gm_scale: float = 0.95
    kl_scale: float = 0.1
    top_k: int = 10
    temperature: float = 1.0


@dataclass(frozen=True)
class Position:
    """Where the writing of a batch is.

    Attributes:
        last: The last token of every row, ``[rows, 1]``; it is not in ``past``.
        past: Keys and values of all tokens before it, moved by the steps before.
        plain: The model's own distribution of the next token, ``[rows, vocabulary]``.
        behind: Keys and values of all tokens, unmoved.
        states: What the probe reads of the tokens before the last one, unmoved, ``[rows, length, d]``.
    """

    last: Tensor
    past: Past
    plain: Tensor
    behind: Past
    states: Tensor


def moved(reader: Reader, at: Position, steering: Steering) -> Past:
    """The past with keys and values moved up the gradient of the probe, and not far from the plain model.

    Rows do not know of each other: each one's gradient is divided by its own norm, a layer at a time.
    """
    sums = [(torch.zeros_like(keys), torch.zeros_like(values)) for keys, values in at.past.tensors]
    for _ in range(steering.iterations):
        leaves = [tuple(one.detach().requires_grad_() for one in both) for both in sums]
        with torch.enable_grad():
            loss = _loss(reader, at, at.past.plus(leaves), steering)
            parts = [one for both in leaves for one in both]
            # Layers behind the probe's decide nothing where it does not read ahead.
            grads = iter(torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True))
        sums = [_stepped(both, (next(grads), next(grads)), steering) for both in sums]
    return at.past.plus(sums)


def fused(steered: Tensor, plain: Tensor, steering: Steering) -> Tensor:
    """The logarithm of the geometric mean of both distributions, ``[rows, vocabulary]``, not normalised.

    Args:
        steered: Logits after the moved past, ``[rows, vocabulary]``.
        plain: Probabilities without it.
        steering: Temperature and weight.
    """
    moved_logs = (steered.float() / steering.temperature).log_softmax(-1)
    return steering.gm_scale * moved_logs + (1 - steering.gm_scale) * (plain + SMALL).log()


def _loss(reader: Reader, at: Position, past: Past, steering: Steering) -> Tensor:
    """Minus the log-likelihood of the label, and the divergence from the plain model, summed over rows."""
    read = reader.read(past, tokens=at.last)
    logs = (read.logits.float() / steering.temperature).log_softmax(-1)
    states = [at.states, read.states]
    expected, behind = logs.exp(), at.behind
    for _ in range(steering.horizon):
        ahead = reader.read(behind, expected=expected)
        states.append(ahead.states)
        expected, behind = ahead.logits.float().softmax(-1), ahead.past
    label = softplus(-reader.scores(torch.cat(states, 1))).sum()
    if not steering.kl_scale:
        return label
    return label + steering.kl_scale * (logs.exp() * (logs - (at.plain + SMALL).log())).sum()


def _stepped(
    sums: tuple[Tensor, Tensor], grads: Sequence[Tensor], steering: Steering
) -> tuple[Tensor, Tensor]:
    """Keys and values of a layer, one step further."""
    if steering.window:
        grads = [_in_window(one, steering.window) for one in grads]
    squares = sum(one.float().square().sum((1, 2, 3), keepdim=True) for one in grads)
    norm = torch.as_tensor(squares).sqrt() + SMALL
    first, second = (
        (total - steering.step_size * grad / norm**steering.gamma).to(total.dtype)
        for total, grad in zip(sums, grads, strict=True)
    )
    return first, second


def _in_window(grad: Tensor, window: int) -> Tensor:
    """The gradient of the last positions; ``grad`` is ``[rows, heads, length, head size]``."""
    kept = torch.zeros_like(grad)
    kept[:, :, -window:] = grad[:, :, -window:]
    return kept
