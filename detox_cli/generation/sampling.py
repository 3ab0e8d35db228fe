"""Choosing a token per row from its own seed: inverse-CDF sampling on truncated probabilities.

A row's token depends on its logits and its own uniform number alone, never on the rows beside it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from detox_cli.generation.requests import Sampling

FIRST_WIDTH = 64
WIDENING = 8


def uniforms(seeds: Sequence[tuple[int, int]], steps: int) -> Tensor:
    """Counter-based uniform numbers in [0, 1): float64 ``[rows, steps]``.

    ``seeds`` holds (request seed, sample index) per row; they are the key of a Philox generator.
    """
    rows = [
        np.random.Generator(np.random.Philox(key=[seed % 2**64, sample])).random(steps)
        for seed, sample in seeds
    ]
    return torch.from_numpy(np.stack(rows))


def choose_tokens(logits: Tensor, uniform: Tensor | None, sampling: Sampling) -> Tensor:
    """The next token of every row, int64 ``[rows]``.

    Temperature, then top-k, then top-p on what is left, in the order that transformers applies them.

    Args:
        logits: ``[rows, vocabulary]``.
        uniform: Numbers in [0, 1), ``[rows]``; not used (may be ``None``) at temperature 0.
        sampling: Temperature 0 is greedy; ``top_k=0`` and ``top_p=1`` switch a truncation off.
    """
    if sampling.temperature == 0 or uniform is None:
        return logits.argmax(-1)
    scaled = logits.float() / sampling.temperature
    if sampling.top_k > 0:
        best, tokens = scaled.topk(min(sampling.top_k, scaled.shape[-1]), -1)
        return _draw(_nucleus(best.softmax(-1), sampling.top_p), tokens, uniform)
    if sampling.top_p < 1:
        return _draw_nucleus(scaled, uniform, sampling.top_p)
    everything = torch.arange(scaled.shape[-1], device=scaled.device).expand_as(scaled)
    return _draw(scaled.softmax(-1), everything, uniform)


def _draw_nucleus(scaled: Tensor, uniform: Tensor, top_p: float) -> Tensor:
    """Nucleus sampling (Holtzman et al., 2020) that sorts only as much as each row's nucleus needs.

    The largest 64 are tried first; rows whose mass they do not reach are widened eightfold.
    """
    vocabulary = scaled.shape[-1]
    normaliser = scaled.logsumexp(-1, keepdim=True)
    chosen = torch.empty(scaled.shape[0], dtype=torch.long, device=scaled.device)
    open_rows = torch.arange(scaled.shape[0], device=scaled.device)
    width = FIRST_WIDTH
    while len(open_rows):
        width = min(width, vocabulary)
        everyone = len(open_rows) == scaled.shape[0]
        best, tokens = (scaled if everyone else scaled[open_rows]).topk(width, -1)
        mass = (best - (normaliser if everyone else normaliser[open_rows])).exp()
        reached = (
            mass.sum(-1) >= top_p if width < vocabulary else torch.ones_like(open_rows, dtype=torch.bool)
        )
        rows = open_rows[reached]
        chosen[rows] = _draw(_nucleus(mass[reached], top_p), tokens[reached], uniform[rows])
        open_rows = open_rows[~reached]
        width *= WIDENING
    return chosen


def _nucleus(mass: Tensor, top_p: float) -> Tensor:
    """Zero what lies beyond the smallest set of mass ``top_p``; ``mass`` is sorted, largest first."""
    return mass * (mass.cumsum(-1) - mass < top_p) if top_p < 1 else mass


def _draw(weights: Tensor, tokens: Tensor, uniform: Tensor) -> Tensor:
    """Invert the cumulative distribution of ``weights`` ``[rows, width]`` at ``uniform`` ``[rows]``."""
    cumulative = weights.double().cumsum(-1)
    target = uniform.to(cumulative.device)[:, None] * cumulative[:, -1:]
    position = (cumulative <= target).sum(-1, keepdim=True).clamp(max=weights.shape[-1] - 1)
    return tokens.gather(1, position).squeeze(1)
