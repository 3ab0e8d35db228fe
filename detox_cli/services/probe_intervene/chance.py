"""What random sets do on average, beside what was chosen."""

from collections.abc import Sequence

from detox_cli.services.negate.result import Candidate
from detox_cli.services.probe_intervene.result import Chance, Step
from detox_cli.statistics.bootstrap import mean_interval


def by_chance(steps: Sequence[Step], seed: int) -> list[Chance]:
    """At every dose the means over random sets, with intervals over them; nothing of fewer than two sets.

    Each set's figure is over the same prompts and windows. What differs between sets is what this tells.
    """
    found = []
    for one in steps:
        if one.dose is None or one.random is not None:
            continue
        sets = [step.measured for step in steps if step.dose == one.dose and step.random is not None]
        if len(sets) > 1:
            found.append(_at(one.dose, one.measured, sets, seed))
    return found


def _at(dose: float, chosen: Candidate, sets: Sequence[Candidate], seed: int) -> Chance:
    changes = [one.change.mean for one in sets if one.change is not None]
    increases = [one.increase.mean for one in sets if one.increase is not None]
    own = chosen.change.mean if chosen.change is not None else 0.0
    hits = sum(abs(change) >= abs(own) for change in changes)
    return Chance(
        dose=dose,
        toxicity=mean_interval([one.toxicity.mean for one in sets], seed),
        change=mean_interval(changes, seed),
        increase=mean_interval(increases, seed),
        p=(1 + hits) / (1 + len(sets)),
    )
