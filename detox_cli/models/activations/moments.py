"""Mean, spread and largest value of the residual stream over a set of prompts."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from detox_cli.models.directions import Floats

MASSIVE = 100.0
MASSIVE_SHARE = 1000.0


@dataclass(frozen=True)
class Moments:
    """Statistics of one set of prompts at their last P positions, after each of L blocks; all float64.

    Indices count from the end as positions do: ``mean[-1, l]`` is at the last token, after block l.

    Attributes:
        count: Prompts that are long enough to have the position, ``[P]``.
        mean: ``[P, L, d]``; NaN where the count is 0.
        mean_square: The mean of the squares, ``[P, L, d]``.
        largest: The largest absolute value of any prompt, before winsorizing, ``[P, L, d]``.
    """

    count: NDArray[np.int64]
    mean: Floats
    mean_square: Floats
    largest: Floats

    @property
    def positions(self) -> int:
        """How many positions were looked at."""
        return int(self.mean.shape[0])

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return int(self.mean.shape[1])

    @property
    def width(self) -> int:
        """The size d of the residual stream."""
        return int(self.mean.shape[2])

    @property
    def total(self) -> Floats:
        """Sums over the prompts, ``[P, L, d]``."""
        return self.mean * self.count[:, None, None]

    @property
    def variance(self) -> Floats:
        """Variance over the prompts (of the population), ``[P, L, d]``."""
        return np.maximum(self.mean_square - self.mean**2, 0.0)

    def massive(self) -> NDArray[np.bool_]:
        """Dimensions with massive activations, ``[P, L, d]``.

        A value above 100 and a thousand times the median size at its place (Sun et al., COLM 2024, arXiv
        2402.17762, section 2.1). A few of them can dominate the difference of two means.
        """
        usual = np.median(np.sqrt(self.mean_square), axis=-1, keepdims=True)
        return (self.largest > MASSIVE) & (self.largest > MASSIVE_SHARE * usual)


class Sums:
    """Running sums of several sets in float64; their size does not depend on the number of prompts.

    Args:
        sets: How many sets of prompts there are.
        positions: How many positions of each prompt, counted from its end.
        layers: Blocks of the model.
        width: Size of its residual stream.
        device: Where to keep them; it must know float64.
    """

    def __init__(self, sets: int, positions: int, layers: int, width: int, device: torch.device) -> None:
        shape = (sets, layers, positions, width)
        self.device = device
        self.count = torch.zeros(sets, positions, dtype=torch.int64, device=device)
        self.total, self.squares, self.largest = (
            torch.zeros(shape, dtype=torch.float64, device=device) for _ in range(3)
        )

    def count_in(self, which: int, present: torch.Tensor) -> None:
        """Count prompts of a set: ``present`` ``[rows, P]`` says which positions each of them has."""
        self.count[which] += present.to(self.device).sum(0)

    def add(self, which: int, layer: int, streams: torch.Tensor, clip: float = 1.0) -> None:
        """Add streams of a set after a block, ``[rows, P, d]``; positions that a row lacks must hold zeros.

        Args:
            which: The set.
            layer: The block.
            streams: What to add.
            clip: Winsorize: values of a vector that are larger than this share of them are cut to it.
        """
        values = streams.to(self.device, torch.float64)
        sizes = values.abs()
        largest = self.largest[which, layer]
        torch.maximum(largest, sizes.amax(0), out=largest)
        if clip < 1:
            limit = sizes.kthvalue(math.ceil(clip * sizes.shape[-1]), dim=-1, keepdim=True).values
            values = torch.minimum(torch.maximum(values, -limit), limit)
        self.total[which, layer] += values.sum(0)
        self.squares[which, layer] += values.square().sum(0)

    def merge(self, other: "Sums") -> None:
        """Add what another has counted."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        torch.maximum(self.largest, other.largest, out=self.largest)

    def finite(self) -> bool:
        """Whether every number is finite."""
        return bool(torch.isfinite(self.squares.sum() + self.largest.sum()))

    def moments(self, which: int) -> Moments:
        """The statistics of a set."""
        count = self.count[which].cpu().numpy()
        total, squares, largest = (
            tensor[which].transpose(0, 1).cpu().numpy().copy()
            for tensor in (self.total, self.squares, self.largest)
        )
        with np.errstate(invalid="ignore"):
            many = count.astype(np.float64)[:, None, None]
            return Moments(count, total / many, squares / many, largest)
