"""The mean of a few repetitions of a whole experiment, such as trainings with different seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import Z95

# 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom.
_T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
_T += [2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086]


@dataclass(frozen=True, slots=True)
class Repeats(Estimate):
    """The mean of ``n`` repetitions, its 95 % interval, and the standard deviation between them."""

    deviation: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.deviation:.3f} [{self.low:.3f}, {self.high:.3f}]"


def repeats_interval(
    values: Sequence[float], bounds: tuple[float, float] = (float("-inf"), float("inf"))
) -> Repeats:
    """The mean of n repetitions with its 95 % interval by Student's t (1908); ``n`` counts repetitions.

    An end beyond what the statistic can be is put on the nearer of ``bounds``. The bootstrap, which serves
    for rows, draws far too narrow intervals from three or five values.

    Raises:
        ValueError: There are fewer than two values.
    """
    n = len(values)
    if n < 2:
        raise ValueError("one repetition has no spread")
    mean = sum(values) / n
    deviation = (sum((value - mean) ** 2 for value in values) / (n - 1)) ** 0.5
    half = _quantile(n - 1) * deviation / n**0.5
    return Repeats(mean, max(bounds[0], mean - half), min(bounds[1], mean + half), n, deviation)


def _quantile(degrees: int) -> float:
    """Beyond the table, Fisher's expansion, right to three digits there."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    return Z95 + (Z95**3 + Z95) / (4 * degrees) + (5 * Z95**5 + 16 * Z95**3 + 3 * Z95) / (96 * degrees**2)
