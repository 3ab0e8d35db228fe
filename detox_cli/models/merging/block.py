"""Aligned blocks: the same numbers of one tensor in every model, small enough to stay near the processor."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

BLOCK = 1 << 17
"""About how many numbers of a tensor are worked on at once."""


@dataclass(frozen=True)
class Block:
    """Whole rows of one tensor.

    Attributes:
        models: The numbers of every model, ``[rows, columns]``.
        base: Those of the base model, or ``None`` where the method has none.
        first: The index of its first number in the flattened tensor.
        number: Which block of the tensor it is, from 0.
    """

    models: tuple[Numbers, ...]
    base: Numbers | None
    first: int
    number: int

    @cached_property
    def task_vectors(self) -> tuple[Numbers, ...]:
        """What every model adds to the base (Ilharco et al., ICLR 2023), in place of the models."""
        for model in self.models:
            np.subtract(model, self.counted_from, out=model)
        return self.models

    @property
    def counted_from(self) -> Numbers:
        """The base of a method that needs one."""
        assert self.base is not None
        return self.base


def row_ranges(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """First and last (exclusive) row of every block of a tensor, seen as ``[rows, columns]``.

    A vector is one row. The cut depends on the shape alone, so that results do not depend on the machine.
    """
    rows, columns = matrix_shape(shape)
    step = rows_at_once(columns)
    for first in range(0, rows, step):
        yield first, min(rows, first + step)


def rows_at_once(columns: int) -> int:
    """How many rows a block has, the last one of a tensor excepted."""
    return max(1, BLOCK // max(1, columns))


def matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """A tensor as ``[rows, columns]``: the last axis are its columns."""
    if not shape:
        return 1, 1
    return prod(shape[:-1]), shape[-1]
