"""What can be said of task vectors in one streaming pass: how alike they are, and what merging them keeps.

With ``v_i = s + e_i``, a part that all experts share and noise of their own, a mean of N keeps s and an N-th
of the noise's energy: ``|mean v|^2 / mean |v_i|^2 = rho + (1 - rho) / N`` with rho the mean cosine of two
vectors.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.freed_memory import keep_freed_memory
from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.method import Survey
from detox_cli.models.merging.negation import Negation
from detox_cli.models.merging.rounding import Round
from detox_cli.models.merging.surveys import inner_products
from detox_cli.models.merging.tensor import Range, survey

SMALL = 0.1
"""Below this share of the experts' mean size a merged number counts as cancelled out, whatever is stored."""


@dataclass(frozen=True)
class Looked:
    """Sums over numbers, of a block, a tensor or a model.

    Attributes:
        products: Inner products of the task vectors, ``[N, N]``.
        step: The squared length of what is taken away.
        merged: The squared length of the same for scale 1.
        parameters: How many numbers there are.
        untouched: How many no expert has changed.
        unchanged: How many are stored as they were.
        cancelled: Of those that an expert has changed and that are stored as they were: how many most experts
            alone, at the same scale, would have changed.
        small: How many touched ones have merged to less than ``SMALL`` of the experts' mean size.
        apart: The largest difference to the other order of the two steps, before rounding.
        stored_apart: How many numbers that order would store otherwise.
    """

    products: NDArray[np.float64]
    step: float = 0.0
    merged: float = 0.0
    parameters: int = 0
    untouched: int = 0
    unchanged: int = 0
    cancelled: int = 0
    small: int = 0
    apart: float = 0.0
    stored_apart: int = 0

    def __add__(self, other: "Looked") -> "Looked":
        """Both together."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return replace(self, **{**sums, "apart": max(self.apart, other.apart)})

    @property
    def cosines(self) -> NDArray[np.float64]:
        """``[N, N]``; 0 where a vector is zero."""
        lengths = np.sqrt(np.diag(self.products))
        outer = np.outer(lengths, lengths)
        zeros = np.zeros_like(outer)
        found: NDArray[np.float64] = np.divide(self.products, outer, out=zeros, where=outer > 0)
        return found

    @property
    def shrink(self) -> float:
        """The merged vector's squared length by the mean of the experts'."""
        mean = float(np.diag(self.products).mean())
        return self.merged / mean if mean > 0 else 0.0

    @property
    def predicted(self) -> float:
        """What the shrink of a mean should be: ``rho + (1 - rho) / N``."""
        count = len(self.products)
        if count == 1:
            return 1.0
        rho = (self.cosines.sum() - np.trace(self.cosines)) / (count * (count - 1))
        return float(rho + (1 - rho) / count)


def look_over(
    jobs: Mapping[str, Negation],
    types: Mapping[str, str],
    rounding: Round,
    threads: int,
    orders: bool = True,
    done: Callable[[], None] = lambda: None,
) -> Looked:
    """Read base and experts once, and add up; the same to the bit whatever ``threads`` is.

    Args:
        jobs: One for each tensor, at the scale that is meant.
        types: What each will be stored as.
        rounding: How.
        threads: How many tensors at a time.
        orders: Whether to work out the other order of the two steps as well.
        done: Called after every tensor.

    Raises:
        BadData: Numbers are not finite, or a file is cut off.
    """

    def one(name: str) -> Looked:
        found = _tensor(jobs[name], types[name], rounding, orders)
        done()
        return found

    keep_freed_memory()
    count = len(next(iter(jobs.values())).models)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one, jobs), Looked(np.zeros((count, count))))


def _tensor(job: Negation, dtype: str, rounding: Round, orders: bool) -> Looked:
    other = replace(job, order="negate-first" if job.order == "merge-first" else "merge-first")
    surveys = survey(job, map), survey(other, map) if orders else None
    count = len(job.models)
    total = Looked(np.zeros((count, count)))
    for stripe in job.stripes:
        for place in stripe:
            total = total + _block(job, other, surveys, place, _Rounded(rounding, dtype, job.tensor))
    return total


@dataclass(frozen=True)
class _Rounded:
    """What numbers become when they are stored."""

    rounding: Round
    dtype: str
    tensor: str

    def __call__(self, numbers: Numbers, first: int) -> NDArray[Any]:
        return self.rounding(numbers.copy(), self.dtype, self.tensor, first)


def _block(
    job: Negation,
    other: Negation,
    surveys: tuple[Survey, Survey | None],
    place: tuple[int, Range],
    stored: _Rounded,
) -> Looked:
    number, rows = place
    first = rows[0] * matrix_shape(job.shape)[1]
    vectors, base = job.vectors(rows)
    step, _ = job.step(number, rows, surveys[0])
    moved = job.sure(base - step)
    before, after = stored(base, first), stored(moved, first)
    touched = np.logical_or.reduce([vector != 0 for vector in vectors])
    same = np.equal(before, after)
    alone = sum((stored(base - np.float32(job.scale) * v, first) != before).astype(np.int64) for v in vectors)
    sizes = sum(np.abs(vector) for vector in vectors) / np.float32(len(vectors))
    squared = float(np.einsum("ij,ij->", step, step, dtype=np.float64))
    apart, stored_apart = 0.0, 0
    if surveys[1] is not None:
        also = other.merged(number, rows, surveys[1])
        apart = float(np.abs(also - moved).max(initial=0))
        stored_apart = int((stored(also, first) != after).sum())
    return Looked(
        products=inner_products(vectors),
        step=squared,
        merged=squared / job.scale**2 if job.scale else 0.0,
        parameters=base.size,
        untouched=int((~touched).sum()),
        unchanged=int(same.sum()),
        cancelled=int((same & touched & (2 * alone > len(vectors))).sum()),
        small=int((touched & (np.abs(step) < SMALL * abs(job.scale) * sizes)).sum()),
        apart=apart,
        stored_apart=stored_apart,
    )
