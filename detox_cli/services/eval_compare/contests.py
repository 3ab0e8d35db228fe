"""Who is compared with whom, and on which rows: whatever the rows hold and whatever was measured on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from detox_cli.errors import BadData, BadSettings
from detox_cli.statistics.bootstrap import Floats

ALL = "all"


@dataclass(frozen=True)
class Contestant:
    """A system with what was measured of its rows.

    Attributes:
        name: What it is called.
        ids: Of its n rows.
        units: What each row is about, such as its source: rows of one unit are no independent evidence.
        columns: The measures by name, each of shape [n]; more is better. Empty if nothing was measured.
    """

    name: str
    ids: tuple[str, ...]
    units: tuple[str, ...]
    columns: Mapping[str, Floats] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each row stands, by its id."""
        return {row_id: place for place, row_id in enumerate(self.ids)}

    def column(self, measure: str, ids: Sequence[str]) -> Floats:
        """A measure of the rows ``ids``."""
        return self.columns[measure][np.array([self.places[row_id] for row_id in ids], dtype=np.intp)]


@dataclass(frozen=True)
class Contest:
    """A system against another one, on the rows that both have."""

    system: Contestant
    against: Contestant
    ids: tuple[str, ...]

    @property
    def units(self) -> tuple[str, ...]:
        """What each row is about."""
        return tuple(self.against.units[self.against.places[row_id]] for row_id in self.ids)

    def columns(self, measure: str) -> tuple[Floats, Floats]:
        """A measure of the system's rows and of the other's, each of shape [rows]."""
        return self.system.column(measure, self.ids), self.against.column(measure, self.ids)


def contests(contestants: Sequence[Contestant], against: str | None) -> list[Contest]:
    """Every system against the one that is named ``against``, the first if none is; or all against all.

    Where all are compared with all, the later one is the system and the earlier one the other.

    Raises:
        BadSettings: No system has this name.
        BadData: Two systems share no row.
    """
    names = [one.name for one in contestants]
    if against is not None and against not in (ALL, *names):
        raise BadSettings(
            f"no system is called {against!r}",
            where="--against",
            hint=f"the systems are {', '.join(names)}; or say {ALL}",
        )
    if against == ALL:
        return [_contest(later, earlier) for earlier, later in combinations(contestants, 2)]
    base = contestants[0 if against is None else names.index(against)]
    return [_contest(one, base) for one in contestants if one is not base]


def shared_ids(contestants: Sequence[Contestant]) -> list[str]:
    """The ids of the rows that all of them have, in the order of the first."""
    return [i for i in contestants[0].ids if all(i in other.places for other in contestants[1:])]


def _contest(system: Contestant, against: Contestant) -> Contest:
    shared = tuple(shared_ids([against, system]))
    if not shared:
        raise BadData(
            f"{system.name} and {against.name} have no row in common",
            hint="give their rows the same ids",
        )
    return Contest(system, against, shared)
