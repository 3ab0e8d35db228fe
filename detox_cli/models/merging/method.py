"""What a merge method is: a pure function over blocks, and what it must know of a tensor beforehand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.surveys import Cut, kept


@dataclass(frozen=True)
class Survey:
    """What was found out about a whole tensor.

    Attributes:
        cuts: For every model the cuts that the method asked for.
        equal_before: For each of them, how many numbers of exactly its size the blocks before hold:
            ``equal_before[model][cut][block]``, and all of them at the end.
        products: Inner products of all models, or of their task vectors, ``[m, m]``.
    """

    cuts: tuple[tuple[Cut, ...], ...] = ()
    equal_before: tuple[tuple[NDArray[np.int64], ...], ...] = ()
    products: NDArray[np.float64] | None = None

    def keeps(self, vector: Numbers, model: int, block: int, cut: int = 0) -> NDArray[np.bool_]:
        """Which numbers of a block of a model's task vector lie above one of its cuts."""
        before = self.equal_before[model][cut]
        first, last = int(before[block]), int(before[block + 1])
        return kept(vector, self.cuts[model][cut], first, last - first)


NOTHING = Survey()
Combine = Callable[[Block, Values, Survey], Numbers]
Ranks = Callable[[Values, int], tuple[tuple[int, ...], ...]]
"""For every model, how many of the largest magnitudes of a tensor of a size are to be told apart."""


@dataclass(frozen=True)
class Method:
    """A way to merge.

    Attributes:
        name: As recipes call it.
        combine: From a block to the merged numbers of that block; may use up what the block holds.
        base: Whether it counts from a base model.
        least: The fewest models.
        most: The most models, or ``None``.
        ranks: Which magnitudes it must tell apart, if any.
        products: Which inner products it needs, if any.
        normalize: Whether weights are normalised where the recipe is silent.
        rescale: Whether what is kept is scaled up where the recipe is silent.
        needs: The values that a recipe must give.
        uses: All values that make a difference, under the names that recipes have for them.
    """

    name: str
    combine: Combine
    base: Literal["needed", "possible", "none"] = "needed"
    least: int = 1
    most: int | None = None
    ranks: Ranks | None = None
    products: Literal["models", "task vectors"] | None = None
    normalize: bool = False
    rescale: bool = False
    needs: tuple[str, ...] = field(default=())
    uses: tuple[str, ...] = field(default=())
