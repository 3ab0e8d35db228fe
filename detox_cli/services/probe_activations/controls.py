"""The same figures of chance: of random sets of neurons, and of other directions."""

from collections.abc import Mapping, Sequence

import numpy as np

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import grouped, random_sets, set_weights
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.ranking import projections
from detox_cli.models.neurons.values import ValueVectors
from detox_cli.services.probe_activations.result import Control

ALIKE = " (active alike)"
"""Of a control whose random sets are drawn among neurons that push towards the probe too."""
AT_ONCE = 8
"""Directions by chance whose products with all value vectors are in memory at a time."""


def set_controls(
    neurons: Neurons,
    chosen: Sequence[Neuron],
    signs: Floats,
    choosing: Floats,
    means: Mapping[str, Floats],
    count: int,
    seed: int,
) -> list[Control]:
    """Means of the neurons that are followed beside those of random sets, layer by layer as large.

    Once among all neurons, and once among those that are active alike. What is followed was chosen for being
    active, so a change that weakens all that is active would stand out from the former, not from the latter.

    Args:
        neurons: Of the model.
        chosen: The neurons that are followed.
        signs: With which sign coefficients count, ``[N]``.
        choosing: Mean coefficients of the choosing half, ``[N]``: alike are those that are above 0 by sign.
        means: What is compared, by its name, ``[N]``: coefficients, or their changes.
        count: How many sets.
        seed: Of the sets.
    """
    found = []
    for suffix, among in (("", None), (ALIKE, signs * choosing > 0)):
        sets = random_sets(neurons, chosen, count, seed, among)
        if all(sets):  # the layers have such other neurons
            weights = set_weights(neurons, [chosen, *sets], signs)
            found += [control(name + suffix, *_split(weights @ values)) for name, values in means.items()]
    return found


def direction_controls(
    vectors: ValueVectors,
    products: Floats,
    random: Floats,
    choosing: tuple[Floats, Floats],
    testing: tuple[Floats, Floats],
) -> list[Control]:
    """The projected shift, and what the four groups carry of it, beside other directions.

    Args:
        vectors: Value vectors of the model.
        products: With the probe's direction, which has length 1, ``[N]``.
        random: Directions by chance, ``[R, d]``.
        choosing: Mean coefficients before and after, on which groups are formed.
        testing: The same of the other half, on which the shift is counted.
    """
    unit = random / np.linalg.norm(random, axis=1, keepdims=True)
    change = testing[1] - testing[0]

    def figures(rows: Floats) -> list[tuple[float, float]]:
        return [
            (float(row @ change), float((row * change)[grouped(row, *choosing) >= 0].sum())) for row in rows
        ]

    (own,) = figures(products[None])
    by_chance = [
        pair
        for first in range(0, len(unit), AT_ONCE)
        for pair in figures(projections(vectors, unit[first : first + AT_ONCE]))
    ]
    names = ("projected shift", "shift by the four groups")
    columns = np.array(by_chance).reshape(-1, 2).T
    return [control(name, own[i], columns[i]) for i, name in enumerate(names)]


def control(name: str, value: float, by_chance: Floats) -> Control:
    """A figure beside its values by chance; both sides count."""
    low, high = np.quantile(by_chance, (0.025, 0.975))
    centre = by_chance.mean()
    hits = int((np.abs(by_chance - centre) >= abs(value - centre)).sum())
    return Control(
        name=name,
        value=value,
        mean=float(centre),
        low=float(low),
        high=float(high),
        p=(1 + hits) / (1 + len(by_chance)),
        n=len(by_chance),
    )


def _split(values: Floats) -> tuple[float, Floats]:
    return float(values[0]), values[1:]
