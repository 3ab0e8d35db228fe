"""A straight line through few points, and how far a new point may lie from it."""

from dataclasses import dataclass
from math import exp, lgamma, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detox_cli.statistics.bootstrap import Estimate

STEPS = 4_000
LARGEST = 1e3
"""Beyond this no quantile is looked for: that of one degree of freedom is 12.7."""


@dataclass(frozen=True)
class Line:
    """The least squares line ``y = intercept + slope * x``.

    Attributes:
        intercept: At x of 0.
        slope: Of the line.
        error: Standard deviation of points around it, over n - 2.
        n: Points.
        centre: Their mean x.
        spread: Sum of squared distances of their x from it.
        freedom: Degrees of freedom of ``error``.
    """

    intercept: float
    slope: float
    error: float
    n: int
    centre: float
    spread: float
    freedom: int

    def at(self, x: float) -> float:
        """Its value."""
        return self.intercept + self.slope * x

    def new_point(self, x: float) -> Estimate:
        """Where a new point at x lies, with its 95 % prediction interval (Draper & Smith 1998, 3.1)."""
        reach = sqrt(1 + 1 / self.n + (x - self.centre) ** 2 / self.spread)
        half = student_975(self.freedom) * self.error * reach
        return Estimate(self.at(x), self.at(x) - half, self.at(x) + half, self.n)

    def slope_interval(self) -> Estimate:
        """The slope with its 95 % interval."""
        half = student_975(self.freedom) * self.error / sqrt(self.spread)
        return Estimate(self.slope, self.slope - half, self.slope + half, self.n)


def fit_line(x: ArrayLike, y: ArrayLike, independent: int | None = None) -> Line:
    """Fit a line.

    Args:
        x: Shape [n].
        y: Shape [n].
        independent: How many of the points are evidence of their own; all if not given.

    Raises:
        ValueError: Unequal lengths, fewer than three points, or all x are equal.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    freedom = (len(a) if independent is None else min(independent, len(a))) - 2
    if a.shape != b.shape or a.ndim != 1 or freedom < 1 or np.ptp(a) == 0:
        raise ValueError("a line needs three points that are not all above each other")
    centre = float(a.mean())
    spread = float(np.square(a - centre).sum())
    slope = float(((a - centre) * (b - b.mean())).sum() / spread)
    intercept = float(b.mean()) - slope * centre
    left: NDArray[np.float64] = b - intercept - slope * a
    error = sqrt(float(np.square(left).sum()) / (len(a) - 2))
    return Line(intercept, slope, error, len(a), centre, spread, freedom)


def student_975(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by bisection of the integral of its density (Simpson's rule).

    Raises:
        ValueError: Fewer than one degree of freedom.
    """
    if freedom < 1:
        raise ValueError("Student's t has one degree of freedom at least")
    low, high = 0.0, LARGEST
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _between(middle, freedom) < 0.475 else (low, middle)
    return (low + high) / 2


def _between(t: float, freedom: int) -> float:
    """The probability from 0 to t, integrated over the angle whose tangent is x / sqrt(freedom)."""
    angles = np.linspace(0, np.arctan(t / sqrt(freedom)), STEPS + 1)
    heights = np.cos(angles) ** (freedom - 1)
    weights = np.full(STEPS + 1, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    return scale * float(heights @ weights) * float(angles[1] - angles[0]) / 3
