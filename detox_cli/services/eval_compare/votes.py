"""Win, tie or loss of every row, and what they come to."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.result import SideBySide
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units
from detox_cli.statistics.paired import holm, sign_test_p, sums_by_unit

Vote = Literal["win", "tie", "loss", "unparsed"]
"""For the system of a contest; ``unparsed`` where a judge's answer could not be read."""


def votes_of_scores(contest: Contest, measure: str, margin: float) -> list[Vote]:
    """Who is better in ``measure`` on each row; a difference up to ``margin`` is a tie."""
    mine, theirs = contest.columns(measure)
    return ["tie" if abs(d) <= margin else "win" if d > 0 else "loss" for d in (mine - theirs).tolist()]


def side_by_side(
    contest: Contest, by: str, votes: Sequence[Vote | None], seed: int, resamples: int
) -> SideBySide:
    """The shares of wins, ties and losses, with intervals over units, and the p of the sign test.

    A row without a vote (``None``) counts nowhere but in ``without_vote``. In the sign test each unit counts
    once: for the side with more of its rows, and not at all if they are level.

    Raises:
        ValueError: No row has a vote.
    """
    there = [(vote, unit) for vote, unit in zip(votes, contest.units, strict=True) if vote is not None]
    units = [unit for _, unit in there]

    def share(kind: Vote) -> Estimate:
        hits, counts = sums_by_unit([vote == kind for vote, _ in there], units)
        return mean_interval_of_units(hits, counts, seed, resamples)

    net, _ = sums_by_unit([(vote == "win") - (vote == "loss") for vote, _ in there], units)
    return SideBySide(
        system=contest.system.name,
        against=contest.against.name,
        by=by,
        rows=len(there),
        win=share("win"),
        tie=share("tie"),
        loss=share("loss"),
        unparsed=share("unparsed"),
        without_vote=len(votes) - len(there),
        p=sign_test_p(int(np.sum(net > 0)), int(np.sum(net < 0))),
    )


def corrected(family: Sequence[SideBySide]) -> list[SideBySide]:
    """The same with their p values corrected for their number (Holm), if there are several."""
    if len(family) < 2:
        return list(family)
    p_values = holm([one.p for one in family])
    return [one.model_copy(update={"p_holm": p}) for one, p in zip(family, p_values, strict=True)]
