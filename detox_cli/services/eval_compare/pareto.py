"""Which systems no other one beats in everything."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detox_cli.services.eval_compare.contests import Contestant, shared_ids
from detox_cli.services.eval_compare.result import Standing
from detox_cli.statistics.bootstrap import Floats, drawn_means, mean_interval_of_units
from detox_cli.statistics.paired import sums_by_unit


def standings(
    contestants: Sequence[Contestant], measures: Sequence[str], seed: int, resamples: int
) -> list[Standing]:
    """Every system's means on the rows that all have, and who dominates it.

    One system dominates another if it is at least as good in all ``measures`` and better in one; the front
    are those that nobody dominates. ``front_share`` is the share of bootstrap draws of units in which the
    system is on the front: a place there that hangs on a few rows is not near 1.

    Returns:
        One standing for each system; empty if no row is in all of them.
    """
    ids = shared_ids(contestants)
    if not ids:
        return []
    units = [contestants[0].units[contestants[0].places[row_id]] for row_id in ids]
    sums = [[sums_by_unit(one.column(name, ids), units) for name in measures] for one in contestants]
    counts = sums[0][0][1]
    means = np.array([[total.sum() for total, _ in own] for own in sums]) / counts.sum()
    drawn = drawn_means([*(total for own in sums for total, _ in own), counts], seed, resamples)
    shape = (len(drawn), len(contestants), len(measures))
    beaten_in_draws = np.any(dominated((drawn[:, :-1] / drawn[:, -1:]).reshape(shape)), axis=2)
    beaten = dominated(means[None])[0]
    return [
        Standing(
            system=one.name,
            rows=len(ids),
            means={
                name: mean_interval_of_units(*sums[i][k], seed, resamples) for k, name in enumerate(measures)
            },
            dominated_by=[other.name for j, other in enumerate(contestants) if beaten[i, j]],
            front_share=1 - float(np.asarray(beaten_in_draws)[:, i].mean()),
        )
        for i, one in enumerate(contestants)
    ]


def dominated(means: Floats) -> NDArray[np.bool_]:
    """Whether system i is dominated by system j.

    Args:
        means: Shape [draws, systems, measures]; more is better.

    Returns:
        Shape [draws, systems, systems].
    """
    mine, theirs = means[:, :, None, :], means[:, None, :, :]
    return np.asarray((theirs >= mine).all(axis=3) & (theirs > mine).any(axis=3))
