"""Rows side by side, and an order of rows in which those side by side are of similar length."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch.utils.data import Sampler

IGNORED = -100
"""The label that the loss does not count."""


def pad(rows: Sequence[Sequence[int]], value: int, length: int | None = None) -> torch.Tensor:
    """Rows side by side, filled on the right: shape [rows, ``length`` or the longest]."""
    width = length or max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.long)


class RowsOfEpochs(Protocol):
    """Which rows each epoch has, where that is not simply all of them."""

    def __len__(self) -> int:
        """Rows in an epoch, which is the same number in every epoch."""
        ...

    def rows_of(self, epoch: int) -> list[int]:
        """The numbers of the rows of an epoch; a row is there as often as it is to be seen."""
        ...


class SimilarLengths(Sampler[int]):
    """A seeded order of rows in which each batch has rows of similar length.

    The order of an epoch depends on the seed and the number of the epoch alone, so that a run that was killed
    in the middle of an epoch goes on with the batches it had not seen.

    Args:
        lengths: Tokens of each row; all equal gives an order without grouping.
        batch_size: Rows that go into one step, over all devices.
        seed: Of the order.
        mixture: Which rows an epoch has; all of them, once, if not given.
    """

    POOL = 50
    """Batches that are sorted together: enough for little padding, few enough to keep the order random."""

    def __init__(
        self, lengths: Sequence[int], batch_size: int, seed: int, mixture: RowsOfEpochs | None = None
    ) -> None:
        self._lengths = torch.tensor(lengths)
        self._mixture = mixture
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        """How many rows an epoch has."""
        return len(self._lengths) if self._mixture is None else len(self._mixture)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """The numbers of the rows of this epoch."""
        generator = torch.Generator().manual_seed(1_000_003 * self._seed + self._epoch)
        order = torch.randperm(len(self), generator=generator)
        if self._mixture is not None:
            order = torch.tensor(self._mixture.rows_of(self._epoch))[order]
        batches: list[list[int]] = []
        for pool in torch.split(order, self.POOL * self._batch_size):
            by_length = pool[self._lengths[pool].argsort(descending=True, stable=True)]
            batches += [batch.tolist() for batch in torch.split(by_length, self._batch_size)]
        # The one batch that may be smaller stays last, so that no other batch is cut in two.
        last = batches.pop() if len(batches[-1]) < self._batch_size else []
        for place in torch.randperm(len(batches), generator=generator).tolist():
            yield from batches[place]
        yield from last
