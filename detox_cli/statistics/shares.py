"""Intervals of shares, such as the share of refusals."""

from collections.abc import Sequence

from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import Z95


def share_interval(hits: Sequence[bool]) -> Estimate:
    """The share of true values with Wilson's (1927) 95 % score interval, which has width at 0 and at 1 too.

    Raises:
        ValueError: There are no values.
    """
    n = len(hits)
    if not n:
        raise ValueError("no rows to take a share of")
    share = sum(hits) / n
    spread = Z95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = (share * (1 - share) * spread + spread**2 / 4) ** 0.5 / (1 + spread)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(share, min(low, share), max(high, share), n)
