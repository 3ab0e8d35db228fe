"""Away from what experts learnt: ``base - scale * merge(experts - base)``, in either order of the two steps.

Kim et al. (COLM 2024) negate every expert and merge what is left of them; their scripts merge the experts and
negate once. For a mean both are the same model; where a merge is not odd, or weights do not add up to one,
they are not. Neither needs a model in between: base and experts are read once, and sums are rounded once.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detox_cli.models.merging.block import Block, Numbers, matrix_shape
from detox_cli.models.merging.method import Survey
from detox_cli.models.merging.methods.linear import LINEAR
from detox_cli.models.merging.sources import Weights
from detox_cli.models.merging.tensor import Job, Range

Order = Literal["merge-first", "negate-first"]


@dataclass(frozen=True)
class Negation(Job):
    """One tensor of the base without what experts have in common.

    Attributes:
        scale: How far to go away; 0 is the base, to the bit.
        own: What every expert's task vector is multiplied by before anything else.
        order: ``merge-first``: ``base - scale * (merge(base + own_i v_i) - base)``; ``negate-first``:
            ``merge(base - scale * own_i * v_i)``.
    """

    scale: float = 1.0
    own: tuple[float, ...] = ()
    order: Order = "merge-first"

    @property
    def _in_vectors(self) -> bool:
        """Whether the merge can be made of task vectors alone, which loses nothing to the base's digits."""
        return self.method.base != "none" or self.method is LINEAR

    @property
    def _too_much_base(self) -> float:
        """What a mean whose weights do not add up to one holds of the base beyond one."""
        normal = self.method is not LINEAR or self.values.normalize
        return 0.0 if normal else sum(self.values.weights) - 1

    def vectors(self, rows: Range) -> tuple[tuple[Numbers, ...], Numbers]:
        """The task vectors of the experts, each times its own factor, and the base."""
        assert self.base is not None
        base = self.base.rows(self.tensor, *rows)
        found = []
        for number, model in enumerate(self.models):
            vector = model.rows(self.tensor, *rows)
            vector -= base
            if self.own and self.own[number] != 1:
                vector *= np.float32(self.own[number])
            found.append(vector)
        return tuple(found), base

    def block(self, number: int, rows: Range) -> Block:
        """What the method merges: task vectors over a base of zeros, or models."""
        vectors, base = self.vectors(rows)
        return self._to_merge(vectors, base, number, rows)

    def step(self, number: int, rows: Range, survey: Survey) -> tuple[Numbers, Numbers]:
        """What is taken away from a block, and the base's own numbers."""
        vectors, base = self.vectors(rows)
        merged = self.method.combine(self._to_merge(vectors, base, number, rows), self.values, survey)
        if not self._in_vectors:
            merged -= base
        if self._too_much_base:
            merged += base * np.float32(self._too_much_base)
        merged *= np.float32(self.scale if self.order == "merge-first" else -1)
        merged += 0  # a zero loses its sign, so that taking it away leaves every bit of the base
        return merged, base

    def merged(self, number: int, rows: Range, survey: Survey) -> Numbers:
        """The numbers of a block without what the experts share, ``[rows, columns]``."""
        step, base = self.step(number, rows, survey)
        return np.subtract(base, step, out=step)

    def with_scale(self, scale: float) -> "Negation":
        """The same, going another way."""
        return replace(self, scale=scale)

    def _to_merge(self, vectors: tuple[Numbers, ...], base: Numbers, number: int, rows: Range) -> Block:
        first = rows[0] * matrix_shape(self.shape)[1]
        if self.order == "negate-first":
            for vector in vectors:
                vector *= np.float32(-self.scale)
        if self._in_vectors:
            return Block(vectors, np.zeros_like(base), first, number)
        for vector in vectors:
            vector += base
        return Block(vectors, base, first, number)


def negation_of(
    job: Job, base: Weights, scale: float, own: tuple[float, ...] = (), order: Order = "merge-first"
) -> Negation:
    """The negation of a merge of experts that is planned already."""
    return Negation(job.tensor, job.shape, job.method, job.values, job.models, base, scale, own, order)
