"""What experts compute that are held in one tensor, done so that every coefficient can be seen."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from detox_cli.errors import BadData


class Routed(NamedTuple):
    """One expert at work.

    Attributes:
        expert: Its number.
        rows: Of what the module reads, those that are sent to it, int64 ``[m]``.
        tokens: Which tokens these are, int64 ``[m]``.
        coefficients: Of its value vectors, the router's weight included, ``[m, size]``.
        gate: Before its activation, ``[m, size]``; ``None`` without a gate.
        up: The linear key, or what the activation gets where there is no gate, ``[m, size]``.
        weights: The router's, ``[m, 1]``; ``None`` where what the expert reads is weighted already.
    """

    expert: int
    rows: Tensor
    tokens: Tensor
    coefficients: Tensor
    gate: Tensor | None
    up: Tensor
    weights: Tensor | None


Change = Callable[[Routed], Tensor | None]


def run_experts(module: Any, inputs: tuple[Any, ...], change: Change) -> Tensor:
    """What the module gives out, ``[tokens, d]``, with every expert's coefficients shown to ``change``.

    An expert that no token is sent to is not shown. A coefficient has the router's weight in it, so that the
    layer's output is the sum of coefficients times value vectors.

    Args:
        module: Of transformers, with its experts in tensors ``[E, ...]``.
        inputs: What it is called with: hidden states, and chosen experts and weights ``[tokens, k]``.
        change: Coefficients that it returns take the place of those that it is shown.

    Raises:
        BadData: The module is of a form that is not known.
    """
    if getattr(module, "has_post_expert_norm", False) or len(inputs) not in (1, 3):
        raise BadData(f"a {type(module).__name__} is no known form of experts", hint="name another model")
    hidden = inputs[0]
    flat = hidden.reshape(-1, hidden.shape[-1])
    total = torch.zeros_like(flat)
    copies = 1 if len(inputs) > 1 else module.down_proj.shape[0]
    for expert, rows, weights in _sent(module, flat, inputs[1:]):
        routed = _activated(module, expert, flat, rows, rows % (len(flat) // copies), weights)
        new = change(routed)
        used = (routed.coefficients if new is None else new).to(flat.dtype)
        total.index_add_(0, rows, _project(module, routed, used).to(total.dtype))
    return total.reshape(hidden.shape)


def _sent(module: Any, flat: Tensor, routing: tuple[Any, ...]) -> Iterator[tuple[int, Tensor, Tensor | None]]:
    """Every expert that has something to read, the rows of it, and the router's weights for them."""
    count = module.down_proj.shape[0]
    if not routing:  # every expert has its own copy of every token, weighted already (Llama 4)
        each = len(flat) // count
        for expert in range(count):
            yield expert, torch.arange(expert * each, (expert + 1) * each, device=flat.device), None
        return
    chosen, weights = routing
    for expert in chosen.unique().tolist():
        if expert < count:
            tokens, slots = torch.where(chosen == expert)
            yield expert, tokens, weights[tokens, slots, None]


def _activated(
    module: Any, expert: int, flat: Tensor, rows: Tensor, tokens: Tensor, weights: Tensor | None
) -> Routed:
    x, transposed = flat[rows], _transposed(module)
    gated = hasattr(module, "gate_up_proj")
    name = "gate_up_proj" if gated else "up_proj"
    weight = getattr(module, name)[expert]
    both = x @ weight if transposed else linear(x, weight)
    bias = getattr(module, f"{name}_bias", None)
    both = both if bias is None else both + bias[expert]
    if not gated:
        coefficients, gate, up = module.act_fn(both), None, both
    else:
        gate, up = _halves(module, both)
        own = hasattr(module, "_apply_gate")
        coefficients = module._apply_gate(both) if own else up * module.act_fn(gate)
    coefficients = coefficients if weights is None else coefficients * weights.to(coefficients.dtype)
    return Routed(expert, rows, tokens, coefficients, gate, up, weights)


def _halves(module: Any, both: Tensor) -> tuple[Tensor, Tensor]:
    if getattr(module, "is_concatenated", True):
        gate, up = both.chunk(2, dim=-1)
        return gate, up
    return both[..., ::2], both[..., 1::2]


def _project(module: Any, routed: Routed, coefficients: Tensor) -> Tensor:
    weight = module.down_proj[routed.expert]
    out: Tensor = coefficients @ weight if _transposed(module) else linear(coefficients, weight)
    bias = getattr(module, "down_proj_bias", None)
    if bias is None:
        return out
    constant: Tensor = bias[routed.expert]
    return out + (constant if routed.weights is None else constant * routed.weights)


def _transposed(module: Any) -> bool:
    """Whether weights are ``[E, in, out]``; modules that do not say so have no router (Llama 4)."""
    return bool(getattr(module, "is_transposed", True))
