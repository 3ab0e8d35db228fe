"""Statistics of every neuron in memory that does not grow with what is read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.parts import Neurons, Part
from detox_cli.models.neurons.reading import Taken

Kind = Literal["product", "gate", "up"]
KINDS: tuple[Kind, ...] = ("product", "gate", "up")


@dataclass(frozen=True)
class Moments:
    """Statistics of all N neurons of a model over n tokens.

    Attributes:
        n: Tokens.
        mean: ``[N]``.
        variance: Of the population, ``[N]``.
        low: The smallest value, ``[N]``.
        high: The largest, ``[N]``.
        positive: The share of tokens where it is above 0, ``[N]``.
    """

    n: int
    mean: Floats
    variance: Floats
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    positive: Floats


class Streaming:
    """Count, mean, spread, extremes and sign of every neuron's coefficient, batch by batch.

    Means and sums of squared deviations of batches are joined by Chan, Golub & LeVeque (1983), equation 2.1,
    which generalises Welford (1962): nothing is lost where the mean is large, and no value is kept. An
    expert's coefficient is 0 at tokens that are sent elsewhere, and these count. 28 bytes a neuron.

    Args:
        neurons: Of the model.
        kind: What of a gated neuron is counted: the product, which is its coefficient, the gate before its
            activation, or the linear key; the latter two only at tokens that reach an expert.
    """

    def __init__(self, neurons: Neurons, kind: Kind = "product") -> None:
        self.neurons, self.kind = neurons, kind
        self.mean, self.squares = torch.zeros(2, neurons.total, dtype=torch.float64).unbind()
        self.low = torch.full((neurons.total,), torch.inf)
        self.high = torch.full((neurons.total,), -torch.inf)
        self.above = torch.zeros(neurons.total, dtype=torch.int32)
        self.counts = dict.fromkeys(neurons.parts, 0)

    def take(self, taken: Taken) -> None:
        """Add what one part does at the tokens of a batch."""
        values = taken.values if self.kind == "product" else getattr(taken, self.kind)
        if values is None:
            return
        count = taken.count if self.kind == "product" else len(values)
        if count:
            self._add(taken.part, values.float(), count)

    def _add(self, part: Part, values: Tensor, count: int) -> None:
        """Add values ``[k, size]`` and, for the other ``count - k`` tokens, zeros."""
        start = self.neurons.starts[part.layer] + part.first
        place, before = slice(start, start + part.size), self.counts[part]
        zeros, total = count - len(values), before + count
        mean = values.sum(0) / count
        squares = (values - mean).square_().sum(0) + zeros * mean.square()
        step = mean.cpu().double() - self.mean[place]
        self.squares[place] += squares.cpu().double() + step.square() * (before * count / total)
        self.mean[place] += step * (count / total)
        if len(values):
            low, high = (extreme.cpu() for extreme in values.aminmax(dim=0))
            self._extremes(place, low, high)
            self.above[place] += (values > 0).sum(0, dtype=torch.int32).cpu()
        if zeros:
            self._extremes(place, torch.zeros(part.size), torch.zeros(part.size))
        self.counts[part] = total

    def _extremes(self, place: slice, low: Tensor, high: Tensor) -> None:
        torch.minimum(self.low[place], low, out=self.low[place])
        torch.maximum(self.high[place], high, out=self.high[place])

    def merge(self, other: "Streaming") -> None:
        """Add what another has counted of the same model."""
        for part, count in other.counts.items():
            start, before = self.neurons.starts[part.layer] + part.first, self.counts[part]
            place, total = slice(start, start + part.size), before + count
            if not count:
                continue
            step = other.mean[place] - self.mean[place]
            self.squares[place] += other.squares[place] + step.square() * (before * count / total)
            self.mean[place] += step * (count / total)
            self._extremes(place, other.low[place], other.high[place])
            self.above[place] += other.above[place]
            self.counts[part] = total

    def moments(self) -> Moments:
        """The statistics; 0 throughout for a neuron that was never shown."""
        sizes = torch.tensor([part.size for part in self.counts])
        counts = torch.tensor(list(self.counts.values())).repeat_interleave(sizes).clamp(min=1)
        never = torch.isinf(self.low)
        return Moments(
            n=max(self.counts.values()),
            mean=self.mean.numpy().copy(),
            variance=(self.squares / counts).numpy(),
            low=self.low.masked_fill(never, 0).numpy(),
            high=self.high.masked_fill(never, 0).numpy(),
            positive=(self.above.double() / counts).numpy(),
        )
