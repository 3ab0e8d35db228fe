"""One tensor merged: looked over where the method asks for it, then block by block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.merging.block import Block, Numbers, matrix_shape, row_ranges
from detox_cli.models.merging.cuts import SMALL, Bracket, Found, brackets, cut_of, look, sampled_rows
from detox_cli.models.merging.method import NOTHING, Method, Survey
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.sources import Shape, Weights
from detox_cli.models.merging.surveys import KEEP_ALL, Cut, inner_products

Key = tuple[int, int]
"""A model, and which of its cuts."""
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

    def sure(self, merged: Numbers) -> Numbers:
        """Merged numbers, if all are finite.

        Raises:
            BadData: They are not; what is not finite in a model is not finite in a merge with it.
        """
        # A sum is finite only if all are, or if it overflows, which the second look tells apart.
        if not np.isfinite(np.einsum("ij->", merged)) and not np.isfinite(merged).all():
            raise self.not_finite()
        return merged

    def not_finite(self) -> BadData:
        """What is wrong where a merged number is not finite: a model, named, or the merge itself."""
        everyone = (*([self.base] if self.base is not None else []), *self.models)
        for model in everyone:
            for rows in row_ranges(self.shape):
                if not np.isfinite(model.rows(self.tensor, *rows)).all():
                    return BadData(
                        f"{self.tensor} holds numbers that are not finite",
                        where=model.name,
                        hint="fetch or copy the model again",
                    )
        wrong = f"the merged {self.tensor} holds numbers too large for float32"
        return BadData(wrong, where=self.method.name, hint="check the weights")


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
    """Find every cut: a sample, one pass over all blocks, and one more for those that the sample missed."""
    blocks = sum(map(len, job.stripes))
    cuts = [[Cut(np.inf, 0) if k <= 0 else KEEP_ALL for k in ks] for ks in ranks]
    before = [[np.zeros(blocks + 1, np.int64) for _ in ks] for ks in ranks]
    wanted = {(m, place): k for m, ks in enumerate(ranks) for place, k in enumerate(ks) if 0 < k < size}
    sample = _sample(job) if wanted and size > SMALL else [[] for _ in job.models]
    trials = {key: brackets(sample[key[0]], k / size) for key, k in wanted.items()}
    while trials:
        tried = {key: next(trial, None) for key, trial in trials.items()}
        if None in tried.values():
            raise job.not_finite()  # everything was looked at, and some numbers are no numbers
        for key, found in _looked(job, run, cast(dict[Key, Bracket], tried)).items():
            if (got := cut_of(found, cast(Bracket, tried[key]), wanted[key])) is not None:
                cuts[key[0]][key[1]] = got[0]
                np.cumsum(got[1], out=before[key[0]][key[1]][1:])
                del trials[key]
    return Survey(tuple(map(tuple, cuts)), tuple(map(tuple, before)))


def _sample(job: Job) -> list[list[Numbers]]:
    """Magnitudes of the task vectors in some rows, for every model."""
    pieces = [job.block(0, rows).task_vectors for rows in sampled_rows(*matrix_shape(job.shape))]
    return [[np.abs(vector) for vector in model] for model in zip(*pieces, strict=True)]


def _looked(job: Job, run: Run, tried: Mapping[Key, Bracket]) -> dict[Key, list[Found]]:
    """Every block seen through every bracket, block by block."""

    def through(stripe: Stripe) -> list[dict[Key, Found]]:
        found = []
        for place in stripe:
            vectors = job.block(*place).task_vectors
            sizes = {model: np.abs(vectors[model]) for model, _ in tried}
            found.append({key: look(sizes[key[0]], bracket) for key, bracket in tried.items()})
        return found

    blocks = [block for found in run(through, job.stripes) for block in found]
    return {key: [block[key] for block in blocks] for key in tried}
