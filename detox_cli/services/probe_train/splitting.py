"""Which texts are trained on, which choose, and which measure: copies and translations stay together."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.data.splits import source_key
from detox_cli.services.eval_calibrate.labels import Labelled

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Three parts of n texts, each ``[n]``; ``dropped`` texts are in none, because the test has a copy."""

    train: Bools
    validation: Bools
    test: Bools

    @property
    def dropped(self) -> int:
        """How many texts are in no part."""
        return int((~(self.train | self.validation | self.test)).sum())


def split(
    rows: Sequence[Labelled], given: Bools, test_share: float, validation_share: float, seed: int
) -> Split:
    """Split texts by language and label, in groups that are never torn apart.

    A group are texts that are equal but for case and punctuation, or translations of one text, and what
    hangs together by these. It goes where a hash of the seed and its first text says, so the parts do not
    depend on the order of the files.

    Args:
        rows: n texts.
        given: Which of them are test texts of the user's, ``[n]``; without any a share is taken.
        test_share: Of the groups of each language and label.
        validation_share: Likewise.
        seed: Of the hash.
    """
    groups = _groups(rows)
    parts = np.full(len(rows), "train", dtype=object)
    tested = {group for group, mine in zip(groups, given, strict=True) if mine}
    strata: dict[tuple[str, bool], dict[int, str]] = {}
    for row, group in zip(rows, groups, strict=True):
        if group not in tested:
            first = rows[group]
            strata.setdefault((first.lang, first.toxic), {})[group] = _place(row, first, seed)
    chosen: dict[int, str] = dict.fromkeys(tested, "dropped")
    for members in strata.values():
        order = sorted(members, key=members.__getitem__)
        n_test = 0 if given.any() else _count(len(order), test_share)
        n_validation = _count(len(order) - n_test, validation_share)
        chosen |= dict.fromkeys(order[:n_test], "test")
        chosen |= dict.fromkeys(order[n_test : n_test + n_validation], "validation")
    for place, group in enumerate(groups):
        parts[place] = "test" if given[place] else chosen.get(group, "train")
    return Split(parts == "train", parts == "validation", parts == "test")


def _groups(rows: Sequence[Labelled]) -> list[int]:
    """For each text the place of the first text of its group."""
    roots = list(range(len(rows)))

    def root(place: int) -> int:
        while roots[place] != place:
            roots[place] = roots[roots[place]]
            place = roots[place]
        return place

    seen: dict[str, int] = {}
    for place, row in enumerate(rows):
        for key in _keys(row):
            one, other = root(place), root(seen.setdefault(key, place))
            roots[max(one, other)] = min(one, other)
    return [root(place) for place in range(len(rows))]


def _keys(row: Labelled) -> Iterator[str]:
    yield f"text|{source_key(row.text)}"
    if row.parallel is not None:
        yield f"parallel|{row.parallel}"


def _place(row: Labelled, first: Labelled, seed: int) -> str:
    return hashlib.sha256(f"probe|{seed}|{source_key(first.text)}".encode()).hexdigest()


def _count(size: int, share: float) -> int:
    """At least one, where there are three or more to share out."""
    return max(round(size * share), 1 if size >= 3 else 0)
