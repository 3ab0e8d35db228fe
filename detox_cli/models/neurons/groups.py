"""Which neurons carry a shift along a direction: four groups (Yang et al., EMNLP 2025, arXiv 2411.06424)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.parts import Neuron, Neurons

GROUPS = ("TP-", "TN+", "AP+", "AN-")
"""Towards or away from the direction, active with positive or negative sign, smaller or larger afterwards.

All four lower the projection on the direction: TP- and TN+ lie along it and are lowered, AP+ and AN- lie
against it and are raised.
"""
AGAINST = "the rest"
"""Neurons whose change raises the projection, and those that do not change."""


def grouped(products: Floats, before: Floats, after: Floats) -> NDArray[np.int64]:
    """The group of every neuron, ``[N]``: an index of ``GROUPS``, or -1 for the rest.

    Args:
        products: ``<v_i, w>`` of every value vector with the direction, ``[N]``.
        before: Mean coefficients, ``[N]``.
        after: The same of the other model.
    """
    change = after - before
    along, against = products > 0, products < 0
    found = np.full(len(products), -1, dtype=np.int64)
    found[along & (before >= 0) & (change < 0)] = 0
    found[along & (before < 0) & (change < 0)] = 1
    found[against & (before >= 0) & (change > 0)] = 2
    found[against & (before < 0) & (change > 0)] = 3
    return found


def group_weights(products: Floats, groups: NDArray[np.int64]) -> Floats:
    """Weightings ``[6, N]`` whose sums of coefficients are projections: the groups, the rest, all."""
    rows = [np.where(groups == number, products, 0.0) for number in (0, 1, 2, 3, -1)]
    return np.stack([*rows, products])


def set_weights(neurons: Neurons, sets: Sequence[Sequence[Neuron]], signs: Floats) -> Floats:
    """Weightings ``[sets, N]`` whose sums of coefficients are means over each set's neurons.

    Args:
        neurons: Of the model.
        sets: Neurons.
        signs: What every coefficient counts, ``[N]``: the sign of the neuron's cosine with a direction, so
            that more is more along it, or 1.
    """
    found = np.zeros((len(sets), neurons.total))
    for row, chosen in zip(found, sets, strict=True):
        places = [neurons.place(neuron) for neuron in chosen]
        row[places] = signs[places] / len(chosen)
    return found


def random_sets(
    neurons: Neurons,
    chosen: Sequence[Neuron],
    count: int,
    seed: int,
    among: NDArray[np.bool_] | None = None,
) -> list[list[Neuron]]:
    """Sets by chance with as many neurons of every layer as ``chosen`` has, none of them in it.

    A layer that has too few others gives what it has. Only neurons of ``among`` ``[N]`` are drawn, if given.
    """
    allowed = np.ones(neurons.total, dtype=bool) if among is None else among
    generator = np.random.default_rng(seed)
    pools = {
        layer: np.setdiff1d(
            np.flatnonzero(allowed[neurons.starts[layer] : neurons.starts[layer + 1]]),
            [n for own, n in chosen if own == layer],
        )
        for layer in sorted({layer for layer, _ in chosen})
    }
    needed = {layer: sum(own == layer for own, _ in chosen) for layer in pools}
    return [
        [
            (layer, int(number))
            for layer, pool in pools.items()
            for number in generator.choice(pool, min(needed[layer], len(pool)), replace=False)
        ]
        for _ in range(count)
    ]
