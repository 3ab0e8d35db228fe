"""Reading many texts behind tokens that all of them start with: those are read only once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from detox_cli.generation.attention import SharedPrefix
from detox_cli.generation.batching import common_prefix
from detox_cli.generation.kv_cache import slab_cache
from detox_cli.generation.proof import prove
from detox_cli.generation.steppers import takes

Ids = Sequence[int]
SHORTEST_PREFIX = 16
"""Below this many tokens in common, keeping their keys and values costs more than it saves."""


def prefix_worth_keeping(model: Any, prompts: Sequence[Ids], own: int = 1) -> tuple[int, ...]:
    """What all prompts start with, if the model can read it once for all of them and that saves something.

    Args:
        model: Loaded, in evaluation mode; whether its cache allows it is tried on the model itself.
        prompts: Token ids.
        own: How many tokens every prompt keeps for itself at least.
    """
    shortest = min(map(len, prompts), default=0)
    length = min(common_prefix([tuple(prompt) for prompt in prompts]), shortest - own)
    if length < SHORTEST_PREFIX or prove(model) not in ("shared", "expanded"):
        return ()
    return tuple(prompts[0][:length])


def inputs_behind(model: Any, states: SharedPrefix, ids: Tensor, mask: Tensor) -> dict[str, Any]:
    """What to call a model with, so that it reads rows as if the prefix stood before each of them.

    Args:
        model: What will be called: the whole model, or what comes before its head.
        states: The prefix's keys and values, as `read_prefix` gives them.
        ids: What follows the prefix, ``[rows, longest]``, padded on the right.
        mask: 1 at tokens and 0 at padding, ``[rows, longest]``.
    """
    cache, rows = slab_cache(), len(ids)
    for number, (keys, values) in enumerate(states.layers):
        cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
    whole = torch.cat([mask.new_ones(rows, states.length), mask], 1)
    positions = (whole.cumsum(1) - 1)[:, states.length :]
    extra: dict[str, Any] = {"position_ids": positions} if takes(model, "position_ids") else {}
    return {"input_ids": ids, "attention_mask": whole, "past_key_values": cache, "use_cache": True, **extra}
