"""How well effects are predicted that were held out: language by language, and model by model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detox_cli.services.probe_predict_transfer.known import Point
from detox_cli.services.probe_predict_transfer.result import HeldOut, Skill
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units
from detox_cli.statistics.line import Line, fit_line
from detox_cli.statistics.paired import sums_by_unit
from detox_cli.statistics.ranking import pearson

SINCE = "new model"
"""What is held out where the model that is predicted was measured all the same."""
Group = Callable[[Point], str]


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn: groups of points, each whole."""

    seed: int
    resamples: int

    def mean(self, values: Sequence[float], groups: Sequence[str]) -> Estimate:
        """The mean of values; n counts groups."""
        return mean_interval_of_units(*sums_by_unit(values, groups), self.seed, self.resamples)


def line_through(points: Sequence[Point], measure: str) -> Line | None:
    """The line of the effect over a measure; ``None`` where it does not vary.

    The same language of several models is no evidence of its own, so languages count as degrees of freedom.
    """
    x = [one.value(measure) for one in points]
    languages = len({one.lang for one in points})
    if languages < 3 or max(x) == min(x):
        return None
    return fit_line(x, [one.effect for one in points], languages)


def held_out(points: Sequence[Point], measure: str, group: Group) -> list[HeldOut]:
    """Every point predicted from those of other groups, beside the mean effect of these."""
    found = []
    for one in points:
        rest = [other for other in points if group(other) != group(one)]
        line = line_through(rest, measure)
        if line is None:
            continue
        found.append(_predicted(one, measure, line, _mean_effect(rest)))
    return found


def skill(points: Sequence[Point], measure: str, by: str, group: Group, draw: Bootstrap) -> Skill | None:
    """What a measure tells of effects that were held out; ``None`` where it does not vary."""
    line, told = line_through(points, measure), held_out(points, measure, group)
    if line is None or len(told) < len(points):
        return None
    return _skill(measure, by, line, told, [group(one) for one in points], draw)


def skill_since(
    points: Sequence[Point], measured: Sequence[Point], measure: str, draw: Bootstrap
) -> Skill | None:
    """What a measure told of effects that were measured in another model and had no part in the line."""
    line = line_through(points, measure)
    if line is None:
        return None
    usual = _mean_effect(points)
    told = [_predicted(one, measure, line, usual) for one in measured]
    return _skill(measure, SINCE, line, told, [one.lang for one in measured], draw)


def _predicted(one: Point, measure: str, line: Line, usual: float) -> HeldOut:
    return HeldOut(
        model=one.model,
        lang=one.lang,
        value=one.value(measure),
        effect=one.effect,
        predicted=line.new_point(one.value(measure)),
        usual=usual,
    )


def _mean_effect(points: Sequence[Point]) -> float:
    return float(np.mean([one.effect for one in points]))


def _skill(
    measure: str, by: str, line: Line, told: Sequence[HeldOut], groups: Sequence[str], draw: Bootstrap
) -> Skill:
    errors = [abs(one.predicted.mean - one.effect) for one in told]
    usual = [abs(one.usual - one.effect) for one in told]
    inside = [float(not one.predicted.excludes(one.effect)) for one in told]
    x, y = [one.value for one in told], [one.effect for one in told]
    return Skill(
        measure=measure,
        by=by,
        slope=line.slope_interval(),
        pearson=pearson(x, y) if max(y) > min(y) and max(x) > min(x) else None,
        error=draw.mean(errors, groups),
        error_of_mean=draw.mean(usual, groups),
        gain=draw.mean([b - a for a, b in zip(errors, usual, strict=True)], groups),
        inside=float(np.mean(inside)),
    )
