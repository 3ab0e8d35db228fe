"""The recipes that a search chooses from, as points of a space with names and bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detox_cli.models.direction_file import Measured
from detox_cli.models.directions import orthonormal
from detox_cli.models.removal import Mode, Removal
from detox_cli.services.abliterate.choice.candidates import Place, direction
from detox_cli.services.abliterate.choice.kernels import Kernel

HILLS = {"attention": (0.0, 1.3), "mlp": (-0.25, 1.3)}
"""What has strengths of its own, and the bounds of its peak. MLPs can be left: editing them often hurts."""
PLATEAU = {"peak": 1.0, "centre": 0.5, "width": 1.0, "floor": 1.0}


@dataclass(frozen=True)
class Recipes:
    """Recipes for one model.

    Attributes:
        measured: Where directions come from.
        places: The places that a direction may come from, the most promising first.
        modes: The modes.
        mask_massive: Whether dimensions with massive activations are left out of directions.
    """

    measured: Measured
    places: tuple[Place, ...]
    modes: tuple[Mode, ...]
    mask_massive: bool = False

    def space(self) -> dict[str, Any]:
        """Every parameter with its bounds, as distributions of Optuna."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        space: dict[str, Any] = {
            "mode": CategoricalDistribution(self.modes),
            "place": CategoricalDistribution(range(len(self.places))),
            "each_block_its_own": CategoricalDistribution([False, True]),
            "embedding": CategoricalDistribution([0.0, 1.0]),
        }
        for name, (low, high) in HILLS.items():
            space[f"{name}_peak"] = FloatDistribution(low, high)
            space[f"{name}_centre"] = FloatDistribution(0, 1)
            space[f"{name}_width"] = FloatDistribution(0.1, 1)
            space[f"{name}_floor"] = FloatDistribution(0, 1)
        return space

    def everywhere(self, place: Place, mode: Mode, mlp: float = 1.0) -> dict[str, Any]:
        """The point that removes one direction at strength 1 from everything, MLPs maybe not."""
        hills = {f"{name}_{key}": value for name in HILLS for key, value in PLATEAU.items()}
        where = {"place": self.places.index(place), "each_block_its_own": False, "embedding": 1.0}
        return {"mode": mode, **where, **hills, "mlp_peak": mlp}

    def removal(self, point: Mapping[str, Any]) -> Removal:
        """The recipe at a point.

        Raises:
            BadData: A block has no direction of its own.
        """
        place, layers = self.places[point["place"]], self.measured.layers
        blocks: Sequence[int] = range(layers) if point["each_block_its_own"] else [place.layer]
        differences = self.measured.difference(self.mask_massive)[place.position]
        negative = self.measured.negative.mean[place.position]
        bases = [orthonormal(direction(differences[b], negative[b], point["mode"])) for b in blocks]
        hills = [Kernel(*(point[f"{name}_{key}"] for key in PLATEAU)).strengths(layers) for name in HILLS]
        return Removal(np.stack(bases), point["mode"], point["embedding"], *hills)
