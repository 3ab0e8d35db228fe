"""Which rows a rule chooses, and why the others are left out."""

from detox_cli.data.reading import Row
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.nodes import Unfit
from detox_cli.data.where.parse import Rule

UNFIT = "the rule cannot be applied"


def why_left_out(rule: Rule | None, row: Row, rejects: Rejects) -> str | None:
    """Why a rule leaves a row out; ``None`` where it holds, or where there is none.

    A row whose values it cannot be applied to goes to ``rejects``, and the answer is ``UNFIT``.
    """
    if rule is None:
        return None
    try:
        holds = rule.holds(row.values)
    except Unfit as fault:
        rejects.add(row.where, str(fault), dict(row.values))
        return UNFIT
    if holds is None:
        return "the rule meets null"
    return None if holds else "the rule does not hold"
