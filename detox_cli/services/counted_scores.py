"""Scores of a panel with a bar that knows its end: the work is counted before it is done."""

from collections.abc import Callable
from typing import TypeVar

from detox_cli.output.progress import Progress
from detox_cli.scoring.suites.panel import Panel

Found = TypeVar("Found")


def counted_scores(
    panel: Panel, work: Callable[[Panel], Found], progress: Progress, label: str = "scores"
) -> Found:
    """What ``work`` makes of the panel, while the listener is told how many of its scores are there.

    Args:
        panel: The scorers.
        work: Asks the panel for scores. It is called twice, the first time with a panel that only counts,
            so what it asks for must not depend on the scores.
        progress: Listens.
        label: Of the bar.
    """
    with progress.task(label, panel.asked_for(work)) as task:
        return work(panel.listened_to(task.advance))
