"""Mean coefficients of single neurons with intervals: prompts are drawn, each with its translations."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from detox_cli.models.directions import Floats
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.clusters import Ratio, ratio_intervals


@dataclass(frozen=True)
class PerText:
    """Sums over the tokens of each text that count.

    Attributes:
        sums: Of K neurons, ``[texts, K]``.
        counts: How many tokens of each text count, ``[texts]``.
        units: To which prompt each text belongs; translations of one prompt are one unit.
    """

    sums: Floats
    counts: Floats
    units: Sequence[Hashable]

    def means(self, seed: int, resamples: int) -> list[Estimate]:
        """The mean over all tokens of every neuron, in order, with its 95 % interval; n counts units."""
        numbers: dict[Hashable, int] = {}
        units = np.array([numbers.setdefault(unit, len(numbers)) for unit in self.units], dtype=np.intp)
        ratios = {str(k): Ratio(column, self.counts) for k, column in enumerate(self.sums.T)}
        return list(ratio_intervals(ratios, units, seed, resamples).values())

    def less(self, other: "PerText") -> "PerText":
        """The difference to another model on the same tokens, text by text."""
        return PerText(self.sums - other.sums, self.counts, self.units)
