"""Value vectors beside a direction: cosines, and what cosines chance would give."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.values import ValueVectors

ROWS = 1 << 14
"""Value vectors that are held in float32 at a time."""


@dataclass(frozen=True)
class Ranked:
    """Every neuron's value vector beside a direction, and beside R directions by chance.

    Attributes:
        neurons: Of the model.
        cosines: ``[N]``; 0 for a vector of zeros.
        lengths: Of the vectors, ``[N]``.
        z: The cosine in standard deviations of the same vector's cosines with directions by chance, ``[N]``.
        largest: Of every direction by chance the largest absolute cosine with any vector, ``[R]``.
    """

    neurons: Neurons
    cosines: Floats
    lengths: Floats
    z: Floats
    largest: Floats

    def top(self, k: int, per_layer: bool = False, sign: int = 1) -> list[Neuron]:
        """The k neurons whose cosines are largest (or, with sign -1, lowest), the first one first.

        Args:
            k: How many; all if there are fewer.
            per_layer: Take k of each layer, then sort them together (Lee et al., 2024).
            sign: 1 or -1.
        """
        order = np.argsort(-sign * self.cosines, kind="stable")
        if per_layer:
            starts = np.array(self.neurons.starts)
            layers = np.searchsorted(starts, order, side="right") - 1
            taken = np.zeros(len(self.neurons.sizes), dtype=int)
            kept = []
            for place, layer in zip(order.tolist(), layers.tolist(), strict=True):
                taken[layer] += 1
                if taken[layer] <= k:
                    kept.append(place)
            return [self.neurons.at(place) for place in kept]
        return [self.neurons.at(int(place)) for place in order[:k]]

    def chance(self, cosine: float) -> float:
        """How probable it is that a direction by chance has any vector this near: (1 + hits) / (1 + R)."""
        return float((1 + (self.largest >= abs(cosine)).sum()) / (1 + len(self.largest)))


@torch.no_grad()
def rank(vectors: ValueVectors, direction: Floats, random: Floats) -> Ranked:
    """Compare every value vector with a direction of the stream, a part of a layer at a time.

    Args:
        vectors: Of the model.
        direction: ``[d]``.
        random: Directions by chance, ``[R, d]``, made like ``direction``.
    """
    neurons = vectors.neurons
    cosines, lengths, deviations = (np.zeros(neurons.total) for _ in range(3))
    largest = np.zeros(len(random))
    basis = np.concatenate([direction[None], random])
    basis = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    for first, rows in chunks(vectors):
        numbers = rows.double()
        sizes = numbers.norm(dim=1)
        found = numbers @ torch.from_numpy(basis.T).to(numbers) / sizes.clamp(min=1e-300)[:, None]
        place = slice(first, first + len(rows))
        cosines[place], lengths[place] = found[:, 0].cpu().numpy(), sizes.cpu().numpy()
        by_chance = found[:, 1:].cpu().numpy()
        deviations[place] = by_chance.std(axis=1)
        largest = np.maximum(largest, np.abs(by_chance).max(axis=0))
    z = cosines / np.where(deviations > 0, deviations, np.inf)
    return Ranked(neurons, cosines, lengths, z, largest)


def chunks(vectors: ValueVectors) -> Iterator[tuple[int, torch.Tensor]]:
    """All value vectors, gains folded in, as blocks ``[rows, d]`` with the number of their first neuron."""
    for part, rows in vectors:
        start = vectors.neurons.starts[part.layer] + part.first
        for first in range(0, part.size, ROWS):
            yield start + first, rows[first : first + ROWS]


def projections(vectors: ValueVectors, directions: Floats) -> Floats:
    """``<v_i, w_k>`` for every neuron and direction: ``[K, N]`` for ``[K, d]``."""
    found = np.zeros((len(directions), vectors.neurons.total))
    for first, rows in chunks(vectors):
        products = rows.double() @ torch.from_numpy(directions.T).to(rows.device, torch.float64)
        found[:, first : first + len(rows)] = products.cpu().numpy().T
    return found


@torch.no_grad()
def stacked(vectors: ValueVectors, chosen: list[Neuron]) -> Floats:
    """The value vectors of some neurons, gains folded in, ``[k, d]``."""
    found: dict[Neuron, Floats] = {}
    by_part: dict[int, list[Neuron]] = {}
    parts = vectors.neurons.parts
    for neuron in chosen:
        by_part.setdefault(parts.index(vectors.neurons.part_of(neuron)), []).append(neuron)
    for number, wanted in by_part.items():
        rows = vectors.rows(parts[number], folded=True)
        for neuron in wanted:
            found[neuron] = rows[neuron[1] - parts[number].first].double().cpu().numpy()
    return np.stack([found[neuron] for neuron in chosen])


def components(rows: Floats) -> tuple[Floats, Floats]:
    """Singular vectors ``[k, d]`` of value vectors that are all made of length 1, and their singular values.

    Lee et al. (2024), section 3.2: the span of the vectors that promote toxicity. The first points to the
    side where most vectors are.
    """
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    _, values, found = np.linalg.svd(unit, full_matrices=False)
    signs = np.sign((unit @ found.T).sum(axis=0))
    return found * np.where(signs == 0, 1, signs)[:, None], values


def random_directions(count: int, width: int, seed: int) -> Floats:
    """Directions by chance, ``[count, d]``, normal in every dimension."""
    return np.random.default_rng(seed).standard_normal((count, width))
