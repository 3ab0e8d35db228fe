"""How often an epoch sees the rows of each file: the weights of a mixture."""

import math
from collections.abc import Iterable, Sequence

import torch

from detox_cli.errors import BadSettings
from detox_cli.settings.train import BartSettings


class Mixture:
    """The rows of each epoch.

    A file of weight 2 is passed over twice in an epoch. Of one of weight 0.25 an epoch sees a quarter of the
    rows, the next epoch the next quarter: in four epochs each row once, in an order that the seed decides.

    Args:
        files: The number of the file of each row.
        weights: Passes in an epoch, by number of the file.
        seed: Of the order in which fractions are gone through.
    """

    def __init__(self, files: Iterable[int], weights: Sequence[float], seed: int) -> None:
        self._rows: list[list[int]] = [[] for _ in weights]
        for row, file in enumerate(files):
            self._rows[file].append(row)
        self._weights = weights
        self._seed = seed

    def __len__(self) -> int:
        """Rows in an epoch, which is the same number in every epoch."""
        return sum(map(self._drawn, range(len(self._rows))))

    def rows_of(self, epoch: int) -> list[int]:
        """The numbers of the rows of an epoch, file by file; a row is there as often as it is to be seen."""
        return [row for file in range(len(self._rows)) for row in self._of_file(file, epoch)]

    def _drawn(self, file: int) -> int:
        """Rows of a file in an epoch, at least one if it has any."""
        rows = len(self._rows[file])
        return max(1, round(self._weights[file] * rows)) if rows else 0

    def _of_file(self, file: int, epoch: int) -> list[int]:
        """A stretch of an endless row of shuffled passes: each pass is used up before the next one begins."""
        rows, drawn = self._rows[file], self._drawn(file)
        if drawn == len(rows):
            return rows
        start, end = epoch * drawn, (epoch + 1) * drawn
        passes = range(start // len(rows), math.ceil(end / len(rows)))
        shuffled = [rows[place] for number in passes for place in self._order(file, number)]
        skip = start - passes.start * len(rows)
        return shuffled[skip : skip + drawn]

    def _order(self, file: int, number: int) -> list[int]:
        generator = torch.Generator().manual_seed((self._seed * 1_009 + file) * 1_000_003 + number)
        order: list[int] = torch.randperm(len(self._rows[file]), generator=generator).tolist()
        return order


def weights_of(settings: BartSettings) -> list[float]:
    """The weight of each file of pairs, then of each file of what cannot be rewritten.

    Raises:
        BadSettings: There are weights, but not one for each file.
    """
    _one_for_each(settings, "weight")
    pairs = list(settings.weight) or [1.0] * len(settings.pairs)
    return pairs + [settings.abstain_weight] * len(settings.abstain)


def origins_of(settings: BartSettings) -> list[str | None]:
    """What the settings say about who wrote each file.

    Raises:
        BadSettings: They say it of some files only.
    """
    _one_for_each(settings, "origin")
    return list(settings.origin) or [None] * len(settings.pairs)


def _one_for_each(settings: BartSettings, name: str) -> None:
    given, files = len(getattr(settings, name)), len(settings.pairs)
    if given not in (0, files):
        raise BadSettings(
            f"{given} given for {files} file{'s' if files > 1 else ''}",
            where=f"--{name}",
            hint=f"give it once for each FILE, in their order, or leave --{name} out",
        )
