"""Figures of several runs on the same units: differences, the front, and the order that scorers agree on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan

import numpy as np

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.pareto import dominated
from detox_cli.services.eval_compare.run_result import ALL, FigureDifference, Front, FrontStanding, Order
from detox_cli.statistics.bootstrap import Estimate, Floats
from detox_cli.statistics.paired import holm
from detox_cli.statistics.paired_ratios import Sums, drawn_figures, paired_figure

PERPLEXITY = "perplexity"
System = Mapping[str, Sums]
"""The figures of one system by name."""


@dataclass(frozen=True)
class Drawn:
    """The figures of all systems in the same draws of units.

    Attributes:
        systems: Their figures.
        places: Which column of ``table`` a system's figure is.
        table: Shape [draws, systems * figures].
        seed: Of the draws, and of the permutations.
    """

    systems: Mapping[str, System]
    places: Mapping[tuple[str, str], int]
    table: Floats
    seed: int

    def estimate(self, system: str, figure: str) -> Estimate:
        """A figure with its 95 % interval over units; its n counts those that say something."""
        sums = self.systems[system][figure]
        low, high = np.nanquantile(self.table[:, self.places[system, figure]], (0.025, 0.975))
        return Estimate(sums.figure, float(low), float(high), int((sums.below > 0).sum()))

    def means(self, figures: Sequence[str]) -> Floats:
        """Shape [systems, figures]."""
        return np.array([[own[name].figure for name in figures] for own in self.systems.values()])

    def draws(self, figures: Sequence[str]) -> Floats:
        """Shape [draws, systems, figures]."""
        chosen = [[self.places[system, name] for name in figures] for system in self.systems]
        return np.asarray(self.table[:, np.array(chosen)])


def draw(systems: Mapping[str, System], figures: Sequence[str], seed: int, resamples: int) -> Drawn:
    """Draw units for all ``figures`` of all systems at once."""
    names = [(system, figure) for system in systems for figure in figures]
    table = drawn_figures([systems[system][figure] for system, figure in names], seed, resamples)
    return Drawn(systems, {name: place for place, name in enumerate(names)}, table, seed)


def differences(
    contests: Sequence[Contest], drawn: Drawn, figures: Sequence[str], group: str = ALL
) -> list[FigureDifference]:
    """Every contest in every figure, not corrected for how many there are; see ``corrected``."""
    return [_difference(one, drawn, figure, group) for figure in figures for one in contests]


def corrected(found: Sequence[FigureDifference]) -> list[FigureDifference]:
    """The differences in one figure are a family, all contests and groups of it, corrected by Holm."""
    families: dict[str, list[FigureDifference]] = {}
    for one in found:
        families.setdefault(one.figure, []).append(one)
    p_holm = {
        id(one): p
        for family in families.values()
        if len(family) > 1
        for one, p in zip(family, holm([one.p for one in family]), strict=True)
    }
    return [one.model_copy(update={"p_holm": p_holm.get(id(one))}) for one in found]


def front(drawn: Drawn, toxicity: str) -> Front:
    """Who is beaten by whom in both toxicity and perplexity, and how surely not."""
    names, axes = list(drawn.systems), (toxicity, PERPLEXITY)
    beaten = dominated(-drawn.means(axes)[None])[0]
    in_draws = np.asarray(np.any(dominated(-drawn.draws(axes)), axis=2))
    return Front(
        figure=toxicity,
        systems=[
            FrontStanding(
                system=name,
                toxicity=drawn.estimate(name, toxicity),
                perplexity=drawn.estimate(name, PERPLEXITY),
                dominated_by=[other for j, other in enumerate(names) if beaten[i, j]],
                front_share=1 - float(in_draws[:, i].mean()),
            )
            for i, name in enumerate(names)
        ],
    )


def order(drawn: Drawn, figures: Sequence[str]) -> list[Order]:
    """Each pair of systems as most of the scorers' ``figures`` put it; by their mean where they are level.

    Pairs of the least toxic system come first.
    """
    names, means, draws = list(drawn.systems), drawn.means(figures), drawn.draws(figures)
    found = []
    for a, b in combinations(range(len(names)), 2):
        votes = int((means[a] < means[b]).sum()) - int((means[b] < means[a]).sum())
        low, high = (a, b) if (votes or float((means[b] - means[a]).mean())) >= 0 else (b, a)
        found.append(
            Order(
                less_toxic=names[low],
                more_toxic=names[high],
                scorers=int((means[low] < means[high]).sum()),
                of=len(figures),
                share=float((draws[:, low] < draws[:, high]).all(axis=1).mean()),
            )
        )
    wins = {name: sum(one.less_toxic == name for one in found) for name in names}
    return sorted(found, key=lambda one: (-wins[one.less_toxic], -wins[one.more_toxic]))


def _difference(contest: Contest, drawn: Drawn, figure: str, group: str) -> FigureDifference:
    system, against = contest.system.name, contest.against.name
    both = [drawn.systems[name][figure] for name in (system, against)]
    columns = [drawn.places[name, figure] for name in (system, against)]
    found = paired_figure(both[0], both[1], drawn.table[:, columns], drawn.seed)
    base = drawn.estimate(against, figure)
    sure = base.low > 0 or base.high < 0  # else a share of it is a share of what may be nothing
    return FigureDifference(
        system=system,
        against=against,
        group=group,
        figure=figure,
        mean=found.mean,
        mean_against=found.mean_against,
        difference=found.difference,
        relative=found.difference.mean / found.mean_against if sure else None,
        p=found.p,
        effect=None if isnan(found.effect) else found.effect,
        better=None if isnan(found.better) else found.better,
    )
