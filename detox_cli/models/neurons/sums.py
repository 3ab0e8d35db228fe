"""Sums of coefficients, one for each text: what is told of neurons and groups of them with intervals."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.reading import Taken


class WeightedSums:
    """For K weightings w_k of all neurons, the mean over a text's tokens of ``sum_i w_ki a_i``.

    Args:
        neurons: Of the model.
        weights: ``[K, N]``.
        texts: How many texts there will be.
    """

    def __init__(self, neurons: Neurons, weights: Floats, texts: int) -> None:
        self.neurons = neurons
        self.weights = torch.from_numpy(np.ascontiguousarray(weights.T)).float()
        self.sums = torch.zeros(texts, weights.shape[0], dtype=torch.float64)

    def take(self, taken: Taken) -> None:
        """Add what one part does in one batch."""
        start = self.neurons.starts[taken.part.layer] + taken.part.first
        weights: Tensor = self.weights[start : start + taken.part.size].to(taken.values.device)
        if weights.any():
            found = taken.values.float() @ weights
            self.sums.index_add_(0, taken.owners, found.cpu().double())

    def per_text(self, counts: list[int]) -> Floats:
        """Means over tokens, ``[texts, K]``; ``counts`` says how many of each text's tokens count."""
        found: Floats = (self.sums / torch.tensor(counts)[:, None]).numpy()
        return found


class ChosenSums:
    """For K chosen neurons, the sum of their coefficients over each text's tokens: ``sums`` ``[texts, K]``.

    Eight bytes for each text and chosen neuron, however many neurons the model has.

    Args:
        neurons: Of the model.
        chosen: Which ones.
        texts: How many texts there will be.
    """

    def __init__(self, neurons: Neurons, chosen: Sequence[Neuron], texts: int) -> None:
        self.neurons = neurons
        self.places = torch.tensor([neurons.place(neuron) for neuron in chosen], dtype=torch.int64)
        self.sums = torch.zeros(texts, len(chosen), dtype=torch.float64)

    def take(self, taken: Taken) -> None:
        """Add what one part does in one batch."""
        start = self.neurons.starts[taken.part.layer] + taken.part.first
        columns = ((self.places >= start) & (self.places < start + taken.part.size)).nonzero()[:, 0]
        if len(columns):
            units = (self.places[columns] - start).to(taken.values.device)
            found = torch.zeros(len(self.sums), len(columns), dtype=torch.float64)
            found.index_add_(0, taken.owners, taken.values[:, units].cpu().double())
            self.sums[:, columns] += found
