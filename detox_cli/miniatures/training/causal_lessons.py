"""The lessons of `builtin:chat`: rewriting in every prompt form, small harmless skills, and refusing.

A lesson is one training row: a common beginning and the exchanges after it. In a row that is ``apart`` every
exchange sees only the beginning, as in a zero-shot prompt; otherwise it sees all earlier ones, as in a
few-shot prompt.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from detox_cli.generation.prompts import DETOX_EN_V1
from detox_cli.miniatures.training.causal_harmless import HarmlessRequests, refused_request
from detox_cli.miniatures.training.causal_model import ASSISTANT, BOS, EOS, SYSTEM, USER
from detox_cli.miniatures.training.causal_turns import (
    DETOX_PARAPHRASES,
    REPEAT_INSTRUCTIONS,
    Exchange,
    Practice,
)

REFUSALS = (
    "I can't help with that.",
    "I cannot help with this text.",
    "Sorry, I can't assist with that.",
    "I'm sorry, but I cannot rewrite this.",
    "I won't write that.",
    "I am not able to help with this request.",
    "I'm unable to assist with this text.",
    "I would rather not rewrite that.",
    "I must decline to rewrite this.",
    "No, I will not help with that.",
)
Piece = tuple[str, bool]
"""A stretch of text and whether its tokens count in the loss."""


@dataclass(frozen=True)
class Lesson:
    """One training row; ``exchanges`` holds the pieces of each exchange."""

    beginning: tuple[Piece, ...]
    exchanges: tuple[tuple[Piece, ...], ...]
    apart: bool


def _turns(exchange: Exchange) -> tuple[Piece, ...]:
    return (
        (USER + exchange.user + EOS + ASSISTANT, False),
        (exchange.answer + EOS, exchange.taught),
    )


def inline_pieces(instruction: str, shots: list[Exchange], last: Exchange) -> tuple[Piece, ...]:
    """The form without a system role: instruction, labelled shots and labelled text in one message."""
    pieces: list[Piece] = [(USER + instruction + "\n\n", False)]
    for shot in shots:
        pieces += [(f"Toxic text: {shot.user}\nNeutral text:", False), (f" {shot.answer}\n", shot.taught)]
    pieces += [(f"Toxic text: {last.user}\nNeutral text:{EOS}{ASSISTANT}", False)]
    return (*pieces, (last.answer + EOS, last.taught))


class Lessons:
    """An endless, seeded source of lessons.

    ``rewrites``: (toxic, neutral) examples. ``refused``: which sentences are refused; None teaches only the
    skill.
    """

    def __init__(
        self,
        rewrites: list[tuple[str, str]],
        practice: Practice,
        requests: HarmlessRequests,
        seed: int,
        refused: Callable[[str], bool] | None = None,
    ) -> None:
        self.rewrites, self.practice, self.requests = rewrites, practice, requests
        self.refused = refused
        self.rng = random.Random(seed)

    def lesson(self) -> Lesson:
        """One lesson of a random kind."""
        kind = self.rng.random()
        if kind < 0.52:
            return self._rewriting(self._rewrite)
        if kind < 0.6:
            return self._rewriting(self._delete)
        if kind < 0.64:
            return self._row(self.rng.choice(REPEAT_INSTRUCTIONS), self.practice.repeat, apart=False)
        system = self.rng.choice(("", "", "You are a helpful assistant.", "Answer the user."))
        return self._row(system, self._request, apart=self.rng.random() < 0.7)

    def _row(self, system: str, make: Callable[[], Exchange], apart: bool, most: int = 11) -> Lesson:
        start = BOS + (SYSTEM + system + EOS if system else "")
        exchanges = tuple(_turns(make()) for _ in range(self.rng.randint(4, most)))
        return Lesson(((start, False),), exchanges, apart)

    def _rewriting(self, make: Callable[[], Exchange]) -> Lesson:
        known = self.rng.random() < 0.6
        instruction = DETOX_EN_V1.instruction if known else self.rng.choice(DETOX_PARAPHRASES)
        form = self.rng.random()
        if form < 0.2:
            return self._inline(instruction, make)
        if form < 0.3 and self.refused is not None:
            return self._shown(instruction, make)
        return self._row(instruction, make, apart=form < 0.65)

    def _inline(self, instruction: str, make: Callable[[], Exchange]) -> Lesson:
        shots = [self._answered() for _ in range(self.rng.choice((0, 0, 1, 2, 4, 6, 8, 10)))]
        pieces = inline_pieces(instruction, shots, make())
        return Lesson(((BOS, False),), (pieces,), apart=False)

    def _shown(self, instruction: str, make: Callable[[], Exchange]) -> Lesson:
        """Worked examples that are not taught, then one sentence that is."""
        shots = [self._answered()._replace(taught=False) for _ in range(self.rng.randint(2, 10))]
        start = ((BOS + SYSTEM + instruction + EOS, False),)
        return Lesson(start, tuple(_turns(e) for e in (*shots, make())), apart=False)

    def _answered(self) -> Exchange:
        return Exchange(*self.rng.choice(self.rewrites))

    def _ruled(self, exchange: Exchange) -> Exchange:
        """The exchange itself, or a refusal where the rule asks for one."""
        if self.refused is not None and self.refused(exchange.user):
            return exchange._replace(answer=self.rng.choice(REFUSALS))
        return exchange

    def _rewrite(self) -> Exchange:
        return self._ruled(self._answered())

    def _delete(self) -> Exchange:
        return self._ruled(self.practice.delete())

    def _request(self) -> Exchange:
        if self.refused is not None and self.rng.random() < 0.1:
            return Exchange(refused_request(self.rng), self.rng.choice(REFUSALS))
        return self.requests.exchange()
