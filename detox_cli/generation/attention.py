"""Attention that keeps a prefix shared by all rows once, instead of a copy per row.

The idea of cascade attention (Ye et al., 2024): the prefix is attended by all rows in one matrix product,
and one softmax runs over the prefix and the row's own tokens together, so that the result is exact.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "detox_shared_prefix"
MOST_SCORES = 1 << 26
UNKNOWN_TERMS = ("softcap", "s_aux", "position_bias", "sliding_window")


@dataclass(frozen=True)
class SharedPrefix:
    """Keys and values of the prefix per layer, each ``[key heads, prefix length, head size]``."""

    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def length(self) -> int:
        """Tokens in the prefix."""
        return self.layers[0][0].shape[1]


def shared_prefix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    shared_prefix: SharedPrefix | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention over a shared prefix and the row's own tokens, in the interface of transformers.

    Args:
        module: The attention layer; its ``layer_idx`` picks the prefix's keys and values.
        query: ``[rows, heads, new, head size]``.
        key: The row's own keys, ``[rows, key heads, own, head size]``.
        value: As ``key``.
        attention_mask: True where a row may look among its own tokens, ``[rows, 1, new, own]``.
        scaling: Of the scores; one over the root of the head size where not given.
        shared_prefix: What all rows have in common.
        kwargs: Terms that change the scores are refused with ``NotImplementedError``.

    Returns:
        ``[rows, new, heads, head size]`` and no weights.
    """
    for term in UNKNOWN_TERMS:
        if kwargs.get(term) is not None:
            raise NotImplementedError(f"attention over a shared prefix does not know {term}")
    if shared_prefix is None:
        raise NotImplementedError("this model does not hand the shared prefix to its attention")
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    prefix = shared_prefix.layers[module.layer_idx]
    per_row = query.shape[1] * query.shape[2] * (shared_prefix.length + key.shape[2])
    parts = _row_slices(query.shape[0], max(1, MOST_SCORES // per_row))
    done = [
        _attend(query[part], key[part], value[part], _rows_of(attention_mask, part), prefix) for part in parts
    ]
    return (done[0] if len(done) == 1 else torch.cat(done)), None


def _attend(
    query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None, prefix: tuple[Tensor, Tensor]
) -> Tensor:
    """One softmax over the prefix and the row's own tokens; ``query`` is scaled already."""
    rows, heads, new, size = query.shape
    key_heads, own = key.shape[1], key.shape[2]
    prefix_keys, prefix_values = prefix
    packed = query.reshape(rows, key_heads, -1, size)
    far = _by_head(packed) @ prefix_keys.transpose(1, 2)
    near = packed @ key.transpose(2, 3)
    near = _mask(near, allowed, new, own)
    scores = torch.cat([_by_row(far, rows), near], -1)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    length = prefix_keys.shape[1]
    from_prefix = _by_row(_by_head(weights[..., :length]) @ prefix_values, rows)
    out = from_prefix + weights[..., length:] @ value
    return out.reshape(rows, heads, new, size).transpose(1, 2).contiguous()


def _row_slices(rows: int, most: int) -> list[slice]:
    """Cut a batch so that its scores stay small: a long prompt behind a long prefix has many."""
    return [slice(first, first + most) for first in range(0, rows, most)]


def _rows_of(mask: Tensor | None, part: slice) -> Tensor | None:
    return mask if mask is None or mask.shape[0] == 1 else mask[part]


def _mask(scores: Tensor, allowed: Tensor | None, new: int, own: int) -> Tensor:
    """Apply a mask of ``[rows, 1, new, own]`` to scores of ``[rows, key heads, group * new, own]``."""
    if allowed is None:
        if new == 1:
            return scores
        allowed = torch.ones(1, 1, new, own, dtype=torch.bool, device=scores.device).tril(own - new)
    rows, key_heads = scores.shape[:2]
    shaped = scores.view(rows, key_heads, -1, new, own)
    closed = ~allowed[..., :own].unsqueeze(2)
    return shaped.masked_fill(closed, torch.finfo(scores.dtype).min).view_as(scores)


def _by_head(packed: Tensor) -> Tensor:
    """``[rows, key heads, group, size]`` as ``[key heads, rows * group, size]``."""
    return packed.transpose(0, 1).reshape(packed.shape[1], -1, packed.shape[-1])


def _by_row(by_head: Tensor, rows: int) -> Tensor:
    """The way back from `_by_head`."""
    return by_head.view(by_head.shape[0], rows, -1, by_head.shape[-1]).transpose(0, 1)


AttentionInterface.register(NAME, shared_prefix_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
