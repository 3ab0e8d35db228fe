"""What can be removed: a direction for every place that was measured, in several modes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.direction_file import Measured
from detox_cli.models.directions import Floats, orthonormal, without
from detox_cli.models.removal import Mode, Removal


@dataclass(frozen=True)
class Place:
    """Where a direction comes from: a position (-1 is the last token of the prompt) and a block, from 0."""

    position: int
    layer: int


@dataclass(frozen=True)
class Strengths:
    """How much is removed where; 1 is all, 0 nothing.

    Attributes:
        embedding: Before the first block.
        attention: At attention outputs and state-space mixers.
        mlp: At everything else in the blocks.
        blocks: The first and the last block to edit; all if ``None``.
    """

    embedding: float = 1.0
    attention: float = 1.0
    mlp: float = 1.0
    blocks: tuple[int, int] | None = None

    def per_block(self, layers: int) -> tuple[Floats, Floats]:
        """Strengths of attention and of MLPs in every block, ``[L]`` each."""
        inside = np.ones(layers)
        if self.blocks is not None:
            inside[: self.blocks[0]] = inside[self.blocks[1] + 1 :] = 0
        return self.attention * inside, self.mlp * inside


FULL = Strengths()


@dataclass(frozen=True)
class Candidate:
    """Something to remove.

    Attributes:
        mode: How.
        places: Where its directions come from; more than one are made orthonormal in this order.
        strengths: How much of it.
    """

    mode: Mode
    places: tuple[Place, ...]
    strengths: Strengths = field(default=FULL)

    @property
    def name(self) -> str:
        """Such as ``zero -1/12`` or ``affine -1/12 -2/10``."""
        return " ".join([self.mode, *(f"{place.position}/{place.layer}" for place in self.places)])

    def removal(self, measured: Measured, mask_massive: bool = False) -> Removal:
        """The recipe for a model.

        Raises:
            BadData: The directions lie in each other's span, or one is not there.
            BadSettings: The mode needs other strengths.
        """
        differences, negative = measured.difference(mask_massive), measured.negative.mean
        rows = [
            direction(differences[p.position, p.layer], negative[p.position, p.layer], self.mode)
            for p in self.places
        ]
        basis = orthonormal(np.stack(rows))
        first = self.places[0]
        offset = basis.T @ negative[first.position, first.layer] if self.mode == "affine" else None
        attention, mlp = self.strengths.per_block(measured.layers)
        return Removal(basis[None], self.mode, self.strengths.embedding, attention, mlp, offset)


def direction(difference: Floats, negative: Floats, mode: Mode) -> Floats:
    """The direction ``[d]`` of a difference of means; orthogonal to the negative mean if ``projected``."""
    if mode != "projected":
        return difference
    length = np.linalg.norm(negative)
    return without(difference, [negative / length]) if length > 0 else difference


def all_candidates(measured: Measured, modes: Sequence[Mode], strengths: Strengths) -> list[Candidate]:
    """One for every position and layer that was measured on both sides, and every mode.

    Those come first where the two sides lie farthest apart: a good one among the first saves work on others.

    Raises:
        BadData: There is none: the two sides have the same means, or no position in common.
    """
    differences, separation = measured.difference(), measured.separation()
    places = [
        Place(position, layer)
        for position in reversed(measured.positions)
        for layer in range(measured.layers)
        if np.isfinite(differences[position, layer]).all() and differences[position, layer].any()
    ]
    if not places:
        raise BadData("the two sides do not differ anywhere", hint="give other prompts")
    places.sort(key=lambda place: -separation[place.position, place.layer])
    return [Candidate(mode, (place,), strengths) for place in places for mode in modes]
