"""Limits on figures that a user sets: ``probability@25[de]>0.1``. A figure beyond one fails the command."""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan

from detox_cli.errors import BadSettings
from detox_cli.services.figure_rows import FigureRow, split_name

FLAG = "--fail-if"
EVERY = "*"
ALIASES = {
    "toxicity_probability": "probability",
    "expected_maximum_toxicity": "expected_maximum",
    "average_toxicity": "mean",
}
"""The names of papers, for those of the summary."""
SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(r"\s*([^\[\]<>=\s]+)\s*(?:\[([^\[\]]+)\])?\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True)
class Limit:
    """One limit. A figure is beyond it if the comparison holds.

    Attributes:
        text: As the user wrote it.
        scorer: Whose figures; all if empty.
        metric: Which figure.
        k: Of how many continuations; any if ``None``.
        group: Of which prompts or systems; the default ones if empty, ``*`` for all, differences left out.
        sign: One of ``SIGNS``.
        value: What the figure is compared with.
    """

    text: str
    scorer: str
    metric: str
    k: int | None
    group: str
    sign: str
    value: float

    def concerns(self, row: FigureRow, default: Collection[str]) -> bool:
        """Whether it is about this figure."""
        every = self.group == EVERY and not row.difference
        group = every or (row.group == self.group if self.group else row.group in default)
        scorer = self.scorer in ("", row.scorer)
        return group and scorer and self.metric == row.metric and self.k in (None, row.k)


def parse_limits(texts: Sequence[str], aliases: Mapping[str, str] = ALIASES) -> list[Limit]:
    """Read limits: ``METRIC>VALUE``, where wanted with a scorer, a k and a group, ``SCORER/METRIC@K[GROUP]``.

    Args:
        texts: As the user wrote them.
        aliases: Other names of metrics.

    Raises:
        BadSettings: One has another form.
    """
    return [_parsed(text, aliases) for text in texts]


def check_names(
    limits: Sequence[Limit],
    metrics: Collection[str],
    scorers: Collection[str] | None = None,
    ks: Collection[int] | None = None,
) -> None:
    """See that limits are about something that will be measured; ``None`` where that is not known yet.

    Raises:
        BadSettings: A figure, a scorer or a k will not be there; the nearest name is said.
    """
    for one in limits:
        if one.metric not in metrics:
            raise _unknown(one, one.metric, "figure", metrics)
        if scorers is not None and one.scorer and one.scorer not in scorers:
            raise _unknown(one, one.scorer, "scorer", scorers)
        if ks is not None and one.k is not None and one.k not in ks:
            raise _unknown(one, str(one.k), "k", [str(k) for k in sorted(ks)])


def missed(limits: Sequence[Limit], rows: Iterable[FigureRow], default: Collection[str]) -> list[str]:
    """What is beyond a limit, in words; a limit on what was not measured is not met either.

    Args:
        limits: From ``parse_limits``.
        rows: All figures.
        default: The groups that a limit without one is about.
    """
    found, everything = [], list(rows)
    for limit in limits:
        mine = [row for row in everything if limit.concerns(row, default)]
        if not mine:
            found.append(f"{limit.text}: this was not measured")
        for row in mine:
            if isnan(row.estimate.mean) or SIGNS[limit.sign](row.estimate.mean, limit.value):
                found.append(f"{row.name} of {row.group} is {row.estimate.mean:.4f} ({limit.text})")
    return found


def _parsed(text: str, aliases: Mapping[str, str]) -> Limit:
    try:
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError
        name, group, sign, value = match.groups()
        scorer, metric, k = split_name(name)
        number = float(value)
    except ValueError:
        hint = "write 'probability>0.1', or 'SCORER/probability@25[de]>=0.1'"
        raise BadSettings(f"'{text}' is no quality limit", where=FLAG, hint=hint) from None
    metric = aliases.get(metric, metric)
    return Limit(text.strip(), scorer, metric, k, (group or "").strip(), sign, number)


def _unknown(limit: Limit, name: str, kind: str, known: Collection[str]) -> BadSettings:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    near = f"did you mean {close[0]!r}? " if close else ""
    hint = f"{near}there are {', '.join(sorted(known))}"
    return BadSettings(f"'{limit.text}': there is no {kind} {name!r}", where=FLAG, hint=hint)
