"""How far a changed model has moved from its base: KL over the first tokens of the base's own answers.

The base writes the beginning of its answer greedily; both models then read prompt and answer in one pass
(teacher forcing), so nothing is sampled and all positions but the first are those of a model that is already
answering. One position alone says too little: where the first token is certain its divergence is 0 whatever
happens later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detox_cli.errors import DetoxError
from detox_cli.generation.batch_run import write
from detox_cli.generation.requests import Sampling
from detox_cli.scoring.forced import ForcedReader
from detox_cli.scoring.losses import Done, Ids, say_nothing
from detox_cli.statistics.bootstrap import Floats

FIRST_TOKENS = 8
BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Divergences:
    """KL(base || changed) of n prompts in nats, each of shape [n].

    Attributes:
        mean: Over the first tokens of the answer.
        first: At the first token alone, as other tools report it.
    """

    mean: Floats
    first: Floats


def greedy_beginnings(
    model: Any,
    prompts: Sequence[Ids],
    ends: Sequence[int],
    count: int = FIRST_TOKENS,
    batch_tokens: int = BATCH_TOKENS,
) -> list[list[int]]:
    """The first ``count`` tokens that a decoder-only model answers to each prompt, as token ids.

    An answer that ends earlier is shorter and ends in the token that ended it, so none is empty.

    Args:
        model: Loaded, in evaluation mode.
        prompts: Token ids.
        ends: Tokens that end an answer.
        count: The most tokens of an answer.
        batch_tokens: Tokens in one batch, padding and answers included.
    """
    greedy = Sampling(max_new_tokens=count, temperature=0)
    closing = list(ends)[:1]
    return [
        ([*row.tokens, *closing] if row.ended else row.tokens)[:count]
        for row in write(model, prompts, greedy, list(ends), batch_tokens)
    ]


def answer_log_probabilities(
    model: Any,
    prompts: Sequence[Ids],
    answers: Sequence[Ids],
    batch_tokens: int = BATCH_TOKENS,
    done: Done = say_nothing,
) -> list[Tensor]:
    """ln p of every word of the vocabulary at every position of the answers; see `ForcedReader.read`."""
    return ForcedReader(model, prompts, batch_tokens).read(prompts, answers, done)


def divergences(base: Sequence[Tensor], changed: Sequence[Tensor]) -> Divergences:
    """KL(base || changed) of every prompt, counted in float64.

    Args:
        base: From `answer_log_probabilities`.
        changed: The same prompts and answers under the changed model.

    Raises:
        DetoxError: A model gives what is no number.
    """
    rows = [_divergence(p, q) for p, q in zip(base, changed, strict=True)]
    mean = np.array([float(row.mean()) for row in rows])
    first = np.array([float(row[0]) for row in rows])
    if not (np.isfinite(mean).all() and np.isfinite(first).all()):
        raise DetoxError("a model predicts what is not a number", hint="use --dtype float32")
    return Divergences(mean, first)


def _divergence(base: Tensor, changed: Tensor) -> Tensor:
    """The sum of p (ln p - ln q) at each position; words that the base rules out count nothing."""
    p, q = base.double(), changed.double()
    terms = torch.where(p == -torch.inf, 0.0, p.exp() * (p - q))
    return terms.sum(-1).clamp(min=0)  # below 0 it is rounding
