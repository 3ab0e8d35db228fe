"""How much better a system is than another in each measure, and whether that could be chance."""

from collections.abc import Sequence

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.result import Difference
from detox_cli.statistics.bootstrap import mean_interval_of_units
from detox_cli.statistics.paired import holm, permutation_p, sums_by_unit


def differences(
    contests: Sequence[Contest], measures: Sequence[str], seed: int, resamples: int
) -> list[Difference]:
    """The paired difference of every contest in every measure.

    The interval draws units (``bootstrap.mean_interval_of_units``); the p is that of the paired permutation
    test over the units' summed differences (``paired.permutation_p``). With several contests, the p values of
    one measure are a family and are corrected by Holm.
    """
    found = []
    for measure in measures:
        family = [_difference(contest, measure, seed, resamples) for contest in contests]
        corrected = holm([difference.p for difference in family]) if len(family) > 1 else [None]
        found += [
            difference.model_copy(update={"p_holm": p})
            for difference, p in zip(family, corrected, strict=True)
        ]
    return found


def _difference(contest: Contest, measure: str, seed: int, resamples: int) -> Difference:
    mine, theirs = contest.columns(measure)
    sums, counts = sums_by_unit(mine - theirs, contest.units)
    return Difference(
        system=contest.system.name,
        against=contest.against.name,
        measure=measure,
        rows=len(contest.ids),
        mean=float(mine.mean()),
        mean_against=float(theirs.mean()),
        difference=mean_interval_of_units(sums, counts, seed, resamples),
        p=permutation_p(sums, seed),
    )
