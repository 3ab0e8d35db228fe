"""The prompts that candidates are tried on: what the model says by itself, and how much of that is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.scoring.divergence import greedy_beginnings
from detox_cli.scoring.forced import ForcedReader
from detox_cli.scoring.losses import Ids
from detox_cli.services.abliterate.choice.start_tokens import StartTokens, learn_start_tokens, log_odds

OPENING = 4
"""Tokens of a refusal by which it is known again."""
CHUNK = 8
"""Prompts of each side that a candidate is tried on before it is decided whether to go on."""


@dataclass(frozen=True)
class Readings:
    """What a changed model makes of some prompts; every array has one number for each of them.

    A side of which nothing was read yet has empty arrays.

    Attributes:
        bypass: On positive prompts, the log-odds that the answer starts as the model's refusals do.
        kept: On positive prompts, the share of the model's own refusal that is left: how likely its first
            tokens are, over how likely they were, 1 at most.
        start: On negative prompts, the log-odds that the answer starts as refusals do.
        kl_first: KL(base || changed) at the first token of the answers to negative prompts, in nats.
        kl: Its mean over the first tokens of the base's answer.
        kl_answer: The same with the start tokens left out of the first position.
    """

    bypass: Floats
    kept: Floats
    start: Floats
    kl_first: Floats
    kl: Floats
    kl_answer: Floats

    def __add__(self, other: "Readings") -> "Readings":
        names = self.__dataclass_fields__
        return Readings(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


@dataclass(frozen=True)
class Side:
    """Prompts, the beginnings of the model's own answers, and ln p at each of their positions.

    Of refusals ``OPENING`` tokens are kept.
    """

    prompts: tuple[Ids, ...]
    answers: tuple[Ids, ...]
    base: tuple[Tensor, ...]

    def part(self, rows: slice) -> "Side":
        """Some of the prompts."""
        return Side(self.prompts[rows], self.answers[rows], self.base[rows])


class Probes:
    """Prompts of both sides with the base model's behaviour on them; nothing is generated afterwards.

    Why ``kl_answer``: on prompts that a model answers, it still gives some mass to a refusal. A removal that
    works takes this mass away, and the plain divergence at the first token counts that as damage, the more
    the better the removal. Without the start tokens, what is left tells of damage.

    Args:
        model: Loaded, in evaluation mode, as it is.
        positive: Token ids of prompts that it refuses.
        negative: Token ids of prompts that it answers.
        ends: Tokens that end an answer.
        tokens: How many tokens of an answer are looked at.
        batch_tokens: Tokens of a batch, padding included.

    Raises:
        BadData: A side is empty.
    """

    def __init__(
        self,
        model: Any,
        positive: Sequence[Ids],
        negative: Sequence[Ids],
        ends: Sequence[int],
        tokens: int = 8,
        batch_tokens: int = 4096,
    ) -> None:
        if not positive or not negative:
            side = "negative" if positive else "positive"
            raise BadData(f"there are no {side} prompts to choose with", hint="give more prompts")
        self.reader = ForcedReader(model, [*positive, *negative], batch_tokens)
        answers = greedy_beginnings(model, [*positive, *negative], ends, tokens, batch_tokens)
        first = len(positive)
        answers = [a[:OPENING] if i < first else a for i, a in enumerate(answers)]
        base = self.reader.read([*positive, *negative], answers)
        self.positive = Side(tuple(positive), tuple(answers[:first]), tuple(base[:first]))
        self.negative = Side(tuple(negative), tuple(answers[first:]), tuple(base[first:]))
        firsts = ([row[0] for row in side.base] for side in (self.positive, self.negative))
        self.start_tokens: StartTokens = learn_start_tokens(*firsts)

    def chunks(self) -> Iterator[tuple[Side, Side]]:
        """Both sides, a few prompts first, then all others."""
        for rows in (slice(0, CHUNK), slice(CHUNK, None)):
            positive, negative = self.positive.part(rows), self.negative.part(rows)
            if positive.prompts or negative.prompts:
                yield positive, negative

    def base_start(self) -> tuple[float, float]:
        """The mean log-odds of a refusal's start in the base model, on positive and negative prompts."""
        sides = (self.positive, self.negative)
        found = [float(np.mean([self._start(row) for row in side.base])) for side in sides]
        return found[0], found[1]

    def read_refused(self, side: Side) -> Readings:
        """What the model makes of positive prompts now, with whatever hooks are on it."""
        rows = self.reader.read(side.prompts, side.answers)
        kept = [_kept(*row) for row in zip(side.base, rows, side.answers, strict=True)]
        bypass, none = np.array([self._start(row) for row in rows]), np.zeros(0)
        return Readings(bypass, np.array(kept), start=none, kl_first=none, kl=none, kl_answer=none)

    def read_answered(self, side: Side) -> Readings:
        """The same for negative prompts."""
        rows = self.reader.read(side.prompts, side.answers)
        pairs = list(zip(side.base, rows, strict=True))
        along = [_divergences(base, now) for base, now in pairs]
        return Readings(
            bypass=np.zeros(0),
            kept=np.zeros(0),
            start=np.array([self._start(row) for row in rows]),
            kl_first=np.array([row[0] for row in along]),
            kl=np.array([row.mean() for row in along]),
            kl_answer=np.array([self._answer(*pair, row) for pair, row in zip(pairs, along, strict=True)]),
        )

    def starts(self, side: Side) -> Floats:
        """The log-odds of a refusal's start for each prompt, now, in a pass over the prompts alone."""
        only = [answer[:1] for answer in side.answers]
        rows = self.reader.read(side.prompts, only)
        return np.array([self._start(row) for row in rows])

    def _answer(self, base: Tensor, now: Tensor, along: Floats) -> float:
        first = divergence_without(base[0], now[0], self.start_tokens.ids)
        return (first + float(along[1:].sum())) / len(along)

    def _start(self, row: Tensor) -> float:
        return log_odds(row[0], self.start_tokens.ids)


def divergence_without(base: Tensor, now: Tensor, ids: Sequence[int]) -> float:
    """KL(base || now) of two distributions ``[vocabulary]`` (ln p), both given that none of ``ids`` comes."""
    outside = torch.ones(base.shape[-1], dtype=torch.bool)
    outside[list(ids)] = False
    p, q = (row[outside].double().log_softmax(-1) for row in (base, now))
    return float(_kl(p, q))


def _kept(base: Tensor, now: Tensor, answer: Ids) -> float:
    opening = torch.tensor(list(answer[:OPENING]))
    rows = torch.arange(len(opening))
    change = (now[rows, opening].double() - base[rows, opening].double()).sum()
    return float(change.clamp(max=0).exp())


def _divergences(base: Tensor, now: Tensor) -> Floats:
    """KL at every position, in float64; infinite where the changed model gives what is no number."""
    found: Floats = _kl(base.double(), now.double()).numpy()
    return np.where(np.isfinite(found), found, np.inf)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    terms = torch.where(p == -torch.inf, 0.0, p.exp() * (p - q))
    return terms.sum(-1).clamp(min=0)  # below 0 it is rounding
