"""What every training does with its rows, whatever they are: list the unusable ones, and hold some out."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from detox_cli.data.rejects import Rejects
from detox_cli.services.row_output import rejects_path

UNUSABLE = "unusable, listed with the rejects"
"""What is counted of rows that cannot be read."""


class RowSettings(Protocol):
    """Settings of a command that reads rows to train on."""

    @property
    def output(self) -> Path: ...  # noqa: D102
    @property
    def rejects(self) -> Path | None: ...  # noqa: D102
    @property
    def strict(self) -> bool: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def split_seed(self) -> int | None: ...  # noqa: D102


def open_rejects(settings: RowSettings, *, listing: bool) -> Rejects:
    """The list of unusable rows; it is written where ``listing``, which is the work of one process."""
    path = rejects_path(settings.rejects, str(settings.output)) if listing else None
    return Rejects(path, settings.strict)


def why_nothing(dropped: Mapping[str, int], rejects: Rejects) -> str:
    """Why nothing is left to train on: the most frequent reasons for which rows are left out."""
    lost = Counter(dropped) + Counter({UNUSABLE: rejects.count})
    reasons = "; ".join(f"{count} {reason}" for reason, count in lost.most_common(3))
    return reasons or "all are held out"


def seed_of_split(settings: RowSettings) -> int:
    """The seed that decides which rows are held out."""
    return settings.seed if settings.split_seed is None else settings.split_seed
