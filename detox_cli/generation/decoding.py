"""The decoding loop: one token per row and step, rows that have ended leave the batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from detox_cli.generation.requests import FinishReason, Sampling
from detox_cli.generation.sampling import choose_tokens

SHRINK_BELOW = 0.75


class Stepper(Protocol):
    """A prefilled model, one row per sample.

    Attributes:
        logits: Of the first new token, ``[rows, vocabulary]``.
        history: All tokens that the rows' next one follows, padding included, int64 ``[rows, length]``.
    """

    logits: Tensor
    history: Tensor

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one token per row, int64 ``[rows]``, and give the next logits ``[rows, vocabulary]``."""

    def keep(self, rows: Tensor) -> None:
        """Drop every row but ``rows``."""


@dataclass
class Row:
    """A sample being written.

    Attributes:
        tokens: What was chosen so far, the token that ended it left out.
        ended: Whether a stop token or stop text was met.
        count: Tokens computed, the one that ended it counted.
    """

    tokens: list[int]
    ended: bool = False
    count: int = 0

    @property
    def finish_reason(self) -> FinishReason:
        """``stop`` if the model ended it, ``length`` if the limit did."""
        return "stop" if self.ended else "length"


Rules = Callable[[Tensor, Tensor], Tensor]
StopText = Callable[[int, list[int]], bool]


def decode(
    stepper: Stepper,
    uniform: Tensor | None,
    sampling: Sampling,
    stop_tokens: Sequence[int],
    stop_text: StopText | None = None,
    rules: Rules | None = None,
    forced_end: bool = False,
) -> list[Row]:
    """Write up to ``max_new_tokens`` tokens per row.

    Args:
        stepper: The prefilled model.
        uniform: Numbers for the choices, ``[rows, max_new_tokens]``; ``None`` for greedy decoding.
        sampling: How tokens are chosen.
        stop_tokens: Token ids that end a row.
        stop_text: Says of a row (its number and tokens) whether its text contains a stop text.
        rules: Changes logits given all tokens so far, as the model's own generation settings ask.
        forced_end: The rules make the last token a stop token; then it says nothing about the row.
    """
    logits = stepper.logits
    rows = [Row([]) for _ in range(logits.shape[0])]
    live = list(range(len(rows)))
    ends = frozenset(stop_tokens)
    for step in range(sampling.max_new_tokens):
        if rules is not None:
            logits = rules(stepper.history, logits)
        last = step + 1 == sampling.max_new_tokens
        numbers = None if uniform is None else uniform[live, step]
        chosen = choose_tokens(logits, numbers, sampling)
        for number, token in zip(live, chosen.tolist(), strict=True):
            _record(rows[number], number, token, frozenset() if last and forced_end else ends, stop_text)
        open_rows = [place for place, number in enumerate(live) if not rows[number].ended]
        if not open_rows or last:
            break
        if len(open_rows) <= SHRINK_BELOW * len(live):
            index = torch.tensor(open_rows, device=chosen.device)
            stepper.keep(index)
            live, chosen = [live[place] for place in open_rows], chosen[index]
        logits = stepper.advance(chosen)
    return rows


def _record(row: Row, number: int, token: int, ends: frozenset[int], stop_text: StopText | None) -> None:
    """Take note of a chosen token; rows that have ended ride along until the batch shrinks."""
    if row.ended:
        return
    row.count += 1
    if token in ends:
        row.ended = True
        return
    row.tokens.append(token)
    row.ended = stop_text is not None and stop_text(number, row.tokens)
