"""Rewriting systems as contestants: what is measured of them, and what is written of their rows."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.suites.panel import Panel
from detox_cli.scoring.suites.suite import Suite
from detox_cli.services.counted_scores import counted_scores
from detox_cli.services.eval_compare.contests import Contest, Contestant
from detox_cli.services.eval_rewrite.scores import measure_items
from detox_cli.services.eval_rewrite.systems import Item, System
from detox_cli.statistics.bootstrap import Floats

SILENT = Silent()
JOINT = "J_mean_of_products"
MEASURES = ("STA", "SIM", "FL", JOINT)
"""What a suite measures of a row; the last one decides who wins the row."""


def unmeasured(systems: Sequence[System]) -> list[Contestant]:
    """The systems as contestants of whom nothing is measured."""
    return [_contestant(system, {}) for system in systems]


def measured(
    suite: Suite, panel: Panel, systems: Sequence[System], progress: Progress = SILENT
) -> list[Contestant]:
    """The systems with STA, SIM, FL and their product on every row.

    All rows are scored in one go, so that equal texts have equal scores.
    """
    items = [item for system in systems for item in system.items]
    parts = counted_scores(panel, lambda panel: measure_items(suite, panel, items), progress)
    columns = dict(zip(MEASURES, (parts.sta, parts.sim, parts.fl, parts.joint), strict=True))
    ends = list(accumulate(len(system.items) for system in systems))
    return [
        _contestant(system, {name: column[end - len(system.items) : end] for name, column in columns.items()})
        for system, end in zip(systems, ends, strict=True)
    ]


def texts(contest: Contest, systems: Sequence[System]) -> Iterator[tuple[str, str, str]]:
    """Source, the system's output and the other's, for each row of a contest."""
    by_name = {system.name: system for system in systems}
    mine, theirs = (
        {item.id: item for item in by_name[side.name].items} for side in (contest.system, contest.against)
    )
    for row_id in contest.ids:
        yield theirs[row_id].source, mine[row_id].output, theirs[row_id].output


def source_of(item: Item) -> str:
    """What a row is about: sources that differ in spaces alone are one."""
    return " ".join(item.source.split())


def _contestant(system: System, columns: dict[str, Floats]) -> Contestant:
    ids = tuple(item.id for item in system.items)
    return Contestant(system.name, ids, tuple(map(source_of, system.items)), columns)
