"""Choosing a token per row from its own seed, by inverting the cumulative distribution.

A row's token depends on its logits and its own uniform numbers alone, never on the rows beside it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from detox_cli.generation.requests import Sampling

TRIES = 4
SMALL_NUCLEUS = 0.5
FIRST_WIDTH = 64
WIDENING = 8


def uniforms(seeds: Sequence[tuple[int, int]], steps: int) -> Tensor:
    """Counter-based uniform numbers in [0, 1): float64 ``[rows, steps, TRIES + 1]``.

    ``seeds`` holds (request seed, sample index) per row; they are the key of a Philox generator.
    """
    shape = (steps, TRIES + 1)
    keys = (np.array([seed % 2**64, sample], dtype=np.uint64) for seed, sample in seeds)
    rows = [np.random.Generator(np.random.Philox(key=key)).random(shape) for key in keys]
    return torch.from_numpy(np.stack(rows))


def choose_tokens(logits: Tensor, uniform: Tensor | None, sampling: Sampling) -> Tensor:
    """The next token of every row, int64 ``[rows]``.

    Temperature, then top-k, then top-p on what is left, in the order that transformers applies them.

    Args:
        logits: ``[rows, vocabulary]``.
        uniform: Numbers in [0, 1), ``[rows, TRIES + 1]``; not used (may be ``None``) at temperature 0.
        sampling: Temperature 0 is greedy; ``top_k=0`` and ``top_p=1`` switch a truncation off.
    """
    if sampling.temperature == 0 or uniform is None:
        return logits.argmax(-1)
    scaled = logits.float() / sampling.temperature
    if sampling.top_k > 0:
        best, tokens = scaled.topk(min(sampling.top_k, scaled.shape[-1]), -1)
        return _draw_sorted(_nucleus(best.softmax(-1), sampling.top_p), tokens, uniform[:, 0])
    if sampling.top_p < SMALL_NUCLEUS:
        return _draw_by_sorting(scaled, uniform[:, -1], sampling.top_p)
    return _draw_by_rejection(scaled, uniform, sampling.top_p)


def _draw_by_rejection(scaled: Tensor, uniform: Tensor, top_p: float) -> Tensor:
    """Nucleus sampling (Holtzman et al., 2020) without sorting.

    A token drawn from the whole distribution is in the nucleus if the tokens likelier than it have less
    mass than ``top_p``; tokens as likely as it do not count, so that a tie at the edge is in as a whole.
    A draw outside is repeated, which leaves exactly the nucleus's distribution, and happens to a share of
    at most ``1 - top_p`` of the rows. What is still open after ``TRIES`` draws is sorted.
    """
    mass = scaled.softmax(-1)
    cumulative = mass.cumsum(-1)
    chosen = _invert(cumulative, uniform[:, 0])
    if top_p >= 1:
        return chosen
    open_rows = _outside(mass, chosen, top_p).nonzero().squeeze(1)
    for attempt in range(1, TRIES):
        if not len(open_rows):
            return chosen
        drawn = _invert(cumulative[open_rows], uniform[open_rows, attempt])
        chosen[open_rows] = drawn
        open_rows = open_rows[_outside(mass[open_rows], drawn, top_p)]
    if len(open_rows):
        chosen[open_rows] = _draw_by_sorting(scaled[open_rows], uniform[open_rows, -1], top_p)
    return chosen


def _outside(mass: Tensor, tokens: Tensor, top_p: float) -> Tensor:
    """Whether each row's token lies beyond its nucleus, bool ``[rows]``."""
    likelier = mass > mass.gather(1, tokens[:, None])
    return (mass * likelier).sum(-1) >= top_p


def _invert(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """The first position whose cumulative mass exceeds ``uniform`` of the total: never one without mass."""
    total = cumulative[:, -1]
    target = (uniform.to(cumulative.device) * total.double()).to(cumulative.dtype)
    target = torch.minimum(target, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target[:, None], right=True).squeeze(1)


def _draw_by_sorting(scaled: Tensor, uniform: Tensor, top_p: float) -> Tensor:
    """Nucleus sampling that sorts only as much as each row's nucleus needs.

    The largest 64 are tried first; rows whose nucleus does not end among them are widened eightfold.
    """
    vocabulary = scaled.shape[-1]
    normaliser = scaled.logsumexp(-1, keepdim=True)
    chosen = torch.empty(scaled.shape[0], dtype=torch.long, device=scaled.device)
    open_rows = torch.arange(scaled.shape[0], device=scaled.device)
    width = min(FIRST_WIDTH, vocabulary)
    while len(open_rows):
        best, tokens = scaled[open_rows].topk(width, -1)
        mass = (best - normaliser[open_rows]).exp()
        inside = _nucleus(mass, top_p)
        ends = inside[:, -1] == 0 if width < vocabulary else torch.ones_like(open_rows, dtype=torch.bool)
        chosen[open_rows[ends]] = _draw_sorted(inside[ends], tokens[ends], uniform[open_rows[ends]])
        open_rows = open_rows[~ends]
        width = min(width * WIDENING, vocabulary)
    return chosen


def _nucleus(mass: Tensor, top_p: float) -> Tensor:
    """Zero what is less likely than the last token of the smallest set of mass ``top_p``.

    ``mass`` is sorted, largest first, ``[rows, width]``.
    """
    if top_p >= 1:
        return mass
    inside = mass.cumsum(-1) - mass < top_p
    least = mass.masked_fill(~inside, 1.0).amin(-1, keepdim=True)
    return mass * (mass >= least)


def _draw_sorted(weights: Tensor, tokens: Tensor, uniform: Tensor) -> Tensor:
    """One of ``tokens`` ``[rows, width]`` by their ``weights``, at ``uniform`` ``[rows]``."""
    return tokens.gather(1, _invert(weights.cumsum(-1), uniform)[:, None]).squeeze(1)
