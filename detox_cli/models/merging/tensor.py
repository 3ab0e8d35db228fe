"""One tensor merged: looked over where the method asks for it, then block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Block, Numbers, matrix_shape, row_ranges
from detox_cli.models.merging.method import NOTHING, Method, Survey
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.sources import Shape, Weights
from detox_cli.models.merging.surveys import (
    KEEP_ALL,
    Counts,
    Cut,
    Places,
    count_bins,
    count_equal,
    cut_at,
    from_the_top,
    high_bins,
    inner_products,
    low_bins,
)

Range = tuple[int, int]
Stripe = Sequence[tuple[int, Range]]
"""Blocks in a row: their numbers and rows. A thread works on one stripe at a time."""
Run = Callable[[Callable[[Stripe], Any], Sequence[Stripe]], Iterator[Any]]
"""``map``, or a pool's: results come in the order of the stripes."""

STRIPE = 16


@dataclass(frozen=True)
class Job:
    """One tensor to merge.

    Attributes:
        tensor: Its name.
        shape: Its shape, the same in all models.
        method: How.
        values: With which weights and the like.
        models: The models.
        base: The base, or ``None``.
    """

    tensor: str
    shape: Shape
    method: Method
    values: Values
    models: tuple[Weights, ...]
    base: Weights | None

    @property
    def stripes(self) -> list[Stripe]:
        """Every block, in stripes."""
        blocks = list(enumerate(row_ranges(self.shape)))
        return [blocks[first : first + STRIPE] for first in range(0, len(blocks), STRIPE)]

    def block(self, number: int, rows: Range) -> Block:
        """The numbers of a block in every model."""
        _, columns = matrix_shape(self.shape)
        models = tuple(model.rows(self.tensor, *rows) for model in self.models)
        base = self.base.rows(self.tensor, *rows) if self.base is not None else None
        return Block(models, base, rows[0] * columns, number)

    def merged(self, number: int, rows: Range, survey: Survey) -> Numbers:
        """The merged numbers of a block, ``[rows, columns]``."""
        return self.method.combine(self.block(number, rows), self.values, survey)


def survey(job: Job, run: Run) -> Survey:
    """Find out what the method must know of the whole tensor."""
    products = _products(job, run) if job.method.products else None
    if job.method.ranks is None:
        return Survey(products=products) if job.method.products else NOTHING
    size = int(np.prod(job.shape, dtype=np.int64))
    return _cuts(job, job.method.ranks(job.values, size), size, run)


def _products(job: Job, run: Run) -> NDArray[np.float64]:
    relative = job.method.products == "task vectors" and job.base is not None

    def look(stripe: Stripe) -> list[NDArray[np.float64]]:
        blocks = (job.block(*place) for place in stripe)
        return [inner_products(block.task_vectors if relative else block.models) for block in blocks]

    # One sum over all blocks in order, so that it does not depend on how they are shared out.
    total: NDArray[np.float64] = np.sum([p for found in run(look, job.stripes) for p in found], axis=0)
    return total


def _cuts(job: Job, ranks: tuple[tuple[int, ...], ...], size: int, run: Run) -> Survey:
    """Find every cut in two passes by counting, and a third for those that fall among equal numbers."""
    wanted = [(model, place) for model, ks in enumerate(ranks) for place, k in enumerate(ks) if 0 < k < size]
    cuts = [[Cut(np.inf, 0) if k <= 0 else KEEP_ALL for k in ks] for ks in ranks]
    blocks = sum(map(len, job.stripes))
    before = [[np.zeros(blocks, np.int64) for _ in ks] for ks in ranks]
    involved = sorted({model for model, _ in wanted})
    high = dict(zip(involved, _added(job, run, lambda v, m: high_bins(v[m]), involved), strict=True))
    bins = {key: from_the_top(high[key[0]], ranks[key[0]][key[1]]) for key in wanted}
    low = _added(job, run, lambda v, key: low_bins(v[key[0]], bins[key][0]), wanted)
    split = []
    for key, counts in zip(wanted, low, strict=True):
        index, equal = from_the_top(counts, bins[key][1])
        cuts[key[0]][key[1]] = cut_at(bins[key][0], index, equal)
        if equal < counts[index]:
            split.append(key)
    for key, counted in zip(split, _equals(job, run, cuts, split), strict=True):
        before[key[0]][key[1]] = np.cumsum(counted) - counted
    return Survey(tuple(map(tuple, cuts)), tuple(map(tuple, before)))


def _added(job: Job, run: Run, look: Callable[[Any, Any], Places], keys: Sequence[Any]) -> list[Counts]:
    """How often each bin is found by ``look`` in the task vectors, for every key, over all blocks."""
    if not keys:
        return []

    def count(stripe: Stripe) -> list[Counts]:
        blocks = (job.block(*place).task_vectors for place in stripe)
        found = [[look(vectors, key) for key in keys] for vectors in blocks]
        return [count_bins(places) for places in zip(*found, strict=True)]

    return _sums(run(count, job.stripes))


def _sums(lists: Iterable[list[Counts]]) -> list[Counts]:
    """Lists of counts, added up place by place."""
    totals: list[Counts] = []
    for counts in lists:
        if not totals:
            totals = counts
            continue
        for total, more in zip(totals, counts, strict=True):
            total += more
    return totals


def _equals(
    job: Job, run: Run, cuts: list[list[Cut]], keys: Sequence[tuple[int, int]]
) -> list[NDArray[np.int64]]:
    """For each cut, how many numbers of exactly its size every block holds."""
    if not keys:
        return []

    def count(stripe: Stripe) -> list[list[int]]:
        found = (job.block(*place).task_vectors for place in stripe)
        return [[count_equal(v[model], cuts[model][place]) for model, place in keys] for v in found]

    return list(np.array([row for rows in run(count, job.stripes) for row in rows], dtype=np.int64).T)
