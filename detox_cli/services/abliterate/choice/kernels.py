"""How strongly something is removed in every block: a hill over the layers, described by four numbers."""

from dataclasses import dataclass

import numpy as np

from detox_cli.models.directions import Floats


@dataclass(frozen=True)
class Kernel:
    """A hill with straight slopes, and nothing outside of it.

    Attributes:
        peak: The strength at the top; 0 and below removes nothing anywhere.
        centre: Where the top is, as a share of the way from the first block to the last.
        width: How far each slope reaches, as a share of that way.
        floor: The strength at the foot of a slope, as a share of the peak; 1 makes the hill a plateau.
    """

    peak: float
    centre: float
    width: float
    floor: float

    def strengths(self, layers: int) -> Floats:
        """The strength in every block, ``[L]``."""
        away = np.abs(np.linspace(0, 1, layers) - self.centre)
        slope = 1 - (1 - self.floor) * np.minimum(away / self.width, 1)
        return np.where(away <= self.width, max(self.peak, 0.0) * slope, 0.0)
