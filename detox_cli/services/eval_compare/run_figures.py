"""Figures of several runs on the same units: differences, the front, and the order that scorers agree on."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isnan

import numpy as np

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.pareto import dominated
from detox_cli.services.eval_compare.run_result import FigureDifference, Front, FrontStanding, Order
from detox_cli.statistics.bootstrap import Estimate, Floats, drawn_counts
from detox_cli.statistics.paired import holm
from detox_cli.statistics.paired_ratios import Sums, figures_in, paired_figure

PERPLEXITY = "perplexity"
System = Mapping[str, Sums]
"""The figures of one system by name."""


def differences(
    contests: Sequence[Contest],
    systems: Mapping[str, System],
    figures: Sequence[str],
    seed: int,
    resamples: int,
) -> list[FigureDifference]:
    """Every contest in every figure; the contests of one figure are a family, corrected by Holm."""
    found = []
    for figure in figures:
        family = [_difference(one, systems, figure, seed, resamples) for one in contests]
        corrected = holm([one.p for one in family]) if len(family) > 1 else [None]
        found += [one.model_copy(update={"p_holm": p}) for one, p in zip(family, corrected, strict=True)]
    return found


def estimate(sums: Sums, seed: int, resamples: int) -> Estimate:
    """A figure with its 95 % interval over units."""
    drawn = np.concatenate(
        [figures_in(sums, counts) for counts in drawn_counts(len(sums.above), seed, resamples)]
    )
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Estimate(sums.figure, float(low), float(high), int((sums.below > 0).sum()))


def front(systems: Mapping[str, System], toxicity: str, seed: int, resamples: int) -> Front:
    """Who is beaten by whom in both toxicity and perplexity, and how surely not."""
    names = list(systems)
    axes = [[systems[name][figure] for figure in (toxicity, PERPLEXITY)] for name in names]
    means = -np.array([[one.figure for one in own] for own in axes])
    beaten = dominated(means[None])[0]
    in_draws = np.asarray(np.any(dominated(-_drawn(axes, seed, resamples)), axis=2))
    return Front(
        figure=toxicity,
        systems=[
            FrontStanding(
                system=name,
                toxicity=estimate(axes[i][0], seed, resamples),
                perplexity=estimate(axes[i][1], seed, resamples),
                dominated_by=[other for j, other in enumerate(names) if beaten[i, j]],
                front_share=1 - float(in_draws[:, i].mean()),
            )
            for i, name in enumerate(names)
        ],
    )


def order(systems: Mapping[str, System], figures: Sequence[str], seed: int, resamples: int) -> list[Order]:
    """Each pair of systems as most of the scorers' ``figures`` put it; by their mean where they are level.

    Pairs of the least toxic system come first.
    """
    names = list(systems)
    axes = [[systems[name][figure] for figure in figures] for name in names]
    means, drawn = np.array([[one.figure for one in own] for own in axes]), _drawn(axes, seed, resamples)
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
                share=float((drawn[:, low] < drawn[:, high]).all(axis=1).mean()),
            )
        )
    wins = {name: sum(one.less_toxic == name for one in found) for name in names}
    return sorted(found, key=lambda one: (-wins[one.less_toxic], -wins[one.more_toxic]))


def _drawn(axes: Sequence[Sequence[Sums]], seed: int, resamples: int) -> Floats:
    """The figures in every draw of units, shape [draws, systems, figures]."""
    blocks = [
        np.stack([[figures_in(one, counts) for one in own] for own in axes]).transpose(2, 0, 1)
        for counts in drawn_counts(len(axes[0][0].above), seed, resamples)
    ]
    return np.concatenate(blocks)


def _difference(
    contest: Contest, systems: Mapping[str, System], figure: str, seed: int, resamples: int
) -> FigureDifference:
    system, against = contest.system.name, contest.against.name
    found = paired_figure(systems[system][figure], systems[against][figure], seed, resamples)
    return FigureDifference(
        system=system,
        against=against,
        figure=figure,
        mean=found.mean,
        mean_against=found.mean_against,
        difference=found.difference,
        relative=found.difference.mean / found.mean_against if found.mean_against else None,
        p=found.p,
        effect=None if isnan(found.effect) else found.effect,
        better=None if isnan(found.better) else found.better,
    )
