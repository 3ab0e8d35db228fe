"""The control of a negation: a step as long as the real one in every tensor, in a direction by chance."""

from dataclasses import dataclass

import numpy as np

from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.draws import stream_key, uniform
from detox_cli.models.merging.method import Survey
from detox_cli.models.merging.negation import Negation
from detox_cli.models.merging.tensor import Job, Range, survey

OF_ANGLES, OF_LENGTHS = -2, -3
"""Take the place of a model in the keys of the draws."""


@dataclass(frozen=True)
class RandomStep(Job):
    """One tensor of the base with a normal vector of a given length added.

    Attributes:
        seed: Of the draws; each depends on seed, tensor and place alone.
        factor: What standard normal numbers are multiplied by.
    """

    seed: int = 0
    factor: float = 0.0

    def merged(self, number: int, rows: Range, survey: Survey) -> Numbers:
        """The numbers of a block, ``[rows, columns]``."""
        assert self.base is not None
        base = self.base.rows(self.tensor, *rows)
        step = normal(self.seed, self.tensor, rows[0] * matrix_shape(self.shape)[1], base.size)
        step *= np.float32(self.factor)
        base += step.reshape(base.shape)
        return base


def random_step(job: Negation, seed: int) -> RandomStep:
    """A step by chance that is as long as that of ``job``, which is read once for its length."""
    found = survey(job, map)
    _, columns = matrix_shape(job.shape)
    real = drawn = 0.0
    for stripe in job.stripes:
        for number, rows in stripe:
            step = job.sure(job.step(number, rows, found)[0])
            numbers = normal(seed, job.tensor, rows[0] * columns, step.size)
            real += float(np.einsum("ij,ij->", step, step, dtype=np.float64))
            drawn += float(np.einsum("i,i->", numbers, numbers, dtype=np.float64))
    factor = (real / drawn) ** 0.5
    return RandomStep(job.tensor, job.shape, job.method, job.values, (), job.base, seed, factor)


def normal(seed: int, tensor: str, first: int, count: int) -> Numbers:
    """Standard normal draws for the numbers ``first`` to ``first + count - 1`` (Box & Muller, 1958)."""
    angles = uniform(stream_key(seed, tensor, OF_ANGLES), first, count)
    lengths = uniform(stream_key(seed, tensor, OF_LENGTHS), first, count)
    lengths -= 1
    np.negative(lengths, out=lengths)  # above zero, at most one
    np.log(lengths, out=lengths)
    lengths *= -2
    np.sqrt(lengths, out=lengths)
    angles *= np.float32(2 * np.pi)
    lengths *= np.cos(angles)
    return lengths
