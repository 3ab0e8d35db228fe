"""Measured candidates beside the base: figures with intervals, paired changes, the front."""

from collections.abc import Mapping, Sequence

import numpy as np

from detox_cli.services.eval_compare.pareto import dominated
from detox_cli.services.measured_model import Measured
from detox_cli.services.negate.result import Candidate
from detox_cli.statistics.bootstrap import Estimate, Floats
from detox_cli.statistics.paired import holm
from detox_cli.statistics.paired_ratios import Sums, drawn_figures, paired_figure


def candidates_of(
    measured: Sequence[Measured],
    scales: Mapping[str, float],
    figure: str,
    budget: float,
    chosen: str | None,
    seed: int,
    resamples: int,
) -> list[Candidate]:
    """A row for everything that was measured.

    Args:
        measured: The base first.
        scales: Of those that are candidates, by name; the base is 0.
        figure: The figure of toxicity that chooses.
        budget: The highest perplexity.
        chosen: The name of the one that is taken.
        seed: Of draws and permutations.
        resamples: Draws of the bootstrap.
    """
    toxic = drawn_figures([one.sums[figure] for one in measured], seed, resamples)
    fluent = drawn_figures([one.text for one in measured], seed, resamples)
    swept = [place for place, one in enumerate(measured) if one.name in scales]
    shares = dict(zip(swept, _front_shares(toxic[:, swept], fluent[:, swept]), strict=True))
    changes = [
        paired_figure(one.sums[figure], measured[0].sums[figure], toxic[:, [i, 0]], seed)
        for i, one in enumerate(measured[1:], start=1)
    ]
    ps = dict(enumerate(holm([change.p for change in changes]), start=1))
    return [
        Candidate(
            name=one.name,
            scale=scales.get(one.name),
            toxicity=_estimate(one.sums[figure], toxic[:, i]),
            change=changes[i - 1].difference if i else None,
            p=ps.get(i),
            perplexity=_estimate(one.text, fluent[:, i]),
            increase=_increase(one.text, measured[0].text, fluent[:, [i, 0]]) if i else None,
            within=one.text.figure <= budget,
            front_share=shares.get(i),
            chosen=one.name == chosen,
            figures=_figures(one, seed, resamples),
        )
        for i, one in enumerate(measured)
    ]


def _front_shares(toxic: Floats, fluent: Floats) -> list[float]:
    """In which share of draws no other one is as low in both and lower in one."""
    beaten = dominated(-np.stack([toxic, fluent], axis=2)).any(axis=2)
    return [float(share) for share in 1 - beaten.mean(axis=0)]


def _increase(one: Sums, base: Sums, drawn: Floats) -> Estimate:
    low, high = np.nanquantile(drawn[:, 0] - drawn[:, 1], (0.025, 0.975))
    return Estimate(one.figure - base.figure, float(low), float(high), len(one.above))


def _figures(one: Measured, seed: int, resamples: int) -> dict[str, Estimate]:
    told = {name: sums for name, sums in one.sums.items() if sums.below.sum() > 0}
    drawn = drawn_figures(list(told.values()), seed, resamples)
    return {name: _estimate(sums, drawn[:, i]) for i, (name, sums) in enumerate(told.items())}


def _estimate(sums: Sums, drawn: Floats) -> Estimate:
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Estimate(sums.figure, float(low), float(high), int((sums.below > 0).sum()))
