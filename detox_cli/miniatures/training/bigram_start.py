"""A start for a small ModernBERT that already scores how well each word follows the one before it.

Learning from nothing which words may stand side by side takes more text and time than a bundled model
is worth. The truncated SVD of the PMI of neighbours gives every word piece a vector for each role, "what
may follow me" and "what may stand before me"; the first layer is set up to bring the neighbours' vectors
together and to square their sum, which contains the scalar product. Everything is trained further.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import svds
from torch.nn.functional import normalize
from transformers import ModernBertModel

ROTARY_BASE = 1000.0
SHARP_FREQUENCIES = 5


def neighbour_vectors(
    rows: Sequence[Sequence[int]], size: int, width: int, seed: int
) -> tuple[torch.Tensor, ...]:
    """Unit vectors (size, width) of each piece as left and as right neighbour: SVD of the bigrams' PPMI."""
    stream = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    ones = np.ones(len(stream) - 1, dtype=np.float32)
    counts = sparse.csr_matrix((ones, (stream[:-1], stream[1:])), shape=(size, size)).tocoo()
    left = np.asarray(counts.sum(axis=1)).ravel() + 1e-9
    right = (np.asarray(counts.sum(axis=0)).ravel() + 1e-9) ** 0.75
    pmi = np.log(counts.data * right.sum() / (left[counts.row] * right[counts.col]))
    positive = sparse.csr_matrix((np.maximum(pmi, 0), (counts.row, counts.col)), shape=(size, size))
    start = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    first, values, second = svds(positive.astype(np.float32), k=width, v0=start)
    scaled = (first * np.sqrt(values), second.T * np.sqrt(values))
    return tuple(normalize(torch.from_numpy(side.copy()).float(), dim=-1) for side in scaled)


@torch.no_grad()
def start_from_bigrams(model: ModernBertModel, rows: Sequence[Sequence[int]], seed: int) -> None:
    """Set embeddings and first layer of ``model`` (four heads, biases in attention, a gated MLP).

    Embedding dimensions: three eighths for each role, the rest for what the layers add. Heads 0 and 1 of
    the first layer look one word back, heads 2 and 3 one word ahead; those of the second layer one back,
    one ahead, two back and two ahead.
    """
    config, first = model.config, model.layers[0]
    width, role = config.hidden_size, config.hidden_size * 3 // 8
    left, right = neighbour_vectors(rows, config.vocab_size, role, seed)
    table = model.embeddings.tok_embeddings.weight
    table.normal_(0, 0.01)
    table[:, :role] += left
    table[:, role : 2 * role] += right
    look_at(first.attn, [-1, -1, 1, 1])
    look_at(model.layers[1].attn, [-1, 1, -2, 2])
    _exchange_roles(first.attn, width, role)
    _square_sums(first.mlp, config.intermediate_size, role)


def look_at(attention: Any, offsets: Sequence[int], peak: float = 4.0) -> None:
    """Bias each head to one relative position.

    With rotary positions, constant query a and key R(-d)a give scores that depend on the distance alone
    and are highest at offset d; only the fastest frequencies tell neighbours apart.
    """
    heads, size = len(offsets), attention.Wqkv.out_features // 3 // len(offsets)
    speed = ROTARY_BASE ** (-torch.arange(0, size, 2).float() / size)[:SHARP_FREQUENCIES]
    scale = (peak * size**0.5 / (1 - torch.cos(speed)).sum()) ** 0.5
    bias = torch.zeros(3, heads, size)
    for head, offset in enumerate(offsets):
        bias[0, head, : len(speed)] = scale
        bias[1, head, : len(speed)] = scale * torch.cos(-offset * speed)
        bias[1, head, size // 2 : size // 2 + len(speed)] = scale * torch.sin(-offset * speed)
    attention.Wqkv.bias.copy_(bias.flatten())
    attention.Wqkv.weight[2 * heads * size :].normal_(0, 0.06)
    attention.Wo.weight.normal_(0, 0.06)


def _exchange_roles(attention: Any, width: int, role: int) -> None:
    size = width // 4
    values, output = attention.Wqkv.weight[2 * width :], attention.Wo.weight
    values.zero_()
    output.normal_(0, 0.01)
    for begin_head, source, target in ((0, 0, role), (2, role, 0)):
        for i in range(role):
            channel = begin_head * size + i
            values[channel, source + i] = 1.0
            output[target + i, channel] = 1.0


def _square_sums(mlp: Any, units: int, role: int) -> None:
    values, gates = mlp.Wi.weight[:units], mlp.Wi.weight[units:]
    for unit in range(min(units, 4 * role)):
        dimension, sign = unit % (2 * role), 1.0 if unit < 2 * role else -1.0
        values[unit].normal_(0, 0.02)
        gates[unit].normal_(0, 0.02)
        values[unit, dimension] = 3.0 * sign
        gates[unit, dimension] = sign
        mlp.Wo.weight[2 * role + dimension // role, unit] = 1.0 / role
