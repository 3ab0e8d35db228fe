"""From statistics and sums to figures with intervals, and to the same figures of chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import AGAINST, GROUPS, grouped, random_sets, set_weights
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.ranking import projections
from detox_cli.models.neurons.values import ValueVectors
from detox_cli.services.probe_activations.passes import Told
from detox_cli.services.probe_activations.result import Control, GroupRow, LanguageRow, LayerRow
from detox_cli.statistics.bootstrap import Estimate, drawn_means, mean_interval_of_units
from detox_cli.statistics.paired import sums_by_unit

AT_ONCE = 8
"""Directions by chance whose products with all value vectors are in memory at a time."""
Sums = Mapping[str, Floats]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Drawing:
    """How the bootstrap draws: prompts, each with its translations, as these are no evidence of their own."""

    seed: int
    resamples: int

    def mean(self, values: Floats, units: Sequence[str]) -> Estimate:
        """The mean of values, one for each prompt; n counts units."""
        return mean_interval_of_units(*sums_by_unit(values, units), self.seed, self.resamples)

    def ratio(self, part: Floats, whole: Floats, units: Sequence[str]) -> Estimate | None:
        """The ratio of two means, drawn together; none where the whole is 0 in some draw."""
        part, whole = (sums_by_unit(values, units)[0] for values in (part, whole))
        draws = drawn_means([part, whole], self.seed, self.resamples)
        if not whole.mean() or not draws[:, 1].all():
            return None
        low, high = np.quantile(draws[:, 0] / draws[:, 1], (0.025, 0.975))
        return Estimate(float(part.mean() / whole.mean()), float(low), float(high), len(part))


def language_rows(
    told: Sequence[Told], column: int, before: Sums, same: Sums | None, own: Sums | None, draw: Drawing
) -> list[LanguageRow]:
    """The mean over the neurons that are followed, in every language that has prompts, and in all of them.

    Args:
        told: The prompts.
        column: Which of the weighted sums it is.
        before: Of every prompt that was read, the sums of the model.
        same: Of the tuned model on the same tokens.
        own: Of the tuned model on its own.
        draw: The bootstrap.
    """
    mine = [one for one in told if one.id in before]
    units = {one.id: one.unit for one in mine}
    names = list(dict.fromkeys(one.lang for one in mine))
    groups = {name: [one.id for one in mine if one.lang == name] for name in names}
    if len(names) > 1:
        groups["all"] = [one.id for one in mine]
    rows = []
    for lang, ids in groups.items():
        a = np.array([before[i][column] for i in ids])
        others = [None if sums is None else np.array([sums[i][column] for i in ids]) for sums in (same, own)]
        own_units = [units[i] for i in ids]
        values = [None if other is None else draw.mean(other, own_units) for other in others]
        changes = [None if other is None else draw.mean(other - a, own_units) for other in others]
        rows.append(
            LanguageRow(
                lang=lang,
                before=draw.mean(a, own_units),
                same=values[0],
                own=values[1],
                change_same=changes[0],
                change_own=changes[1],
            )
        )
    return rows


def group_rows(
    told: Sequence[Told], groups: Groups, before: Sums, same: Sums, draw: Drawing
) -> list[GroupRow]:
    """The shift of the four groups, the rest and all neurons, over the prompts that were read."""
    read = [one for one in told if one.id in before]
    units = [one.unit for one in read]
    changes = np.stack([same[one.id] - before[one.id] for one in read])
    names = (*GROUPS, AGAINST, "all")
    counts = [int((groups == number).sum()) for number in (0, 1, 2, 3, -1)]
    whole = changes[:, len(names) - 1]
    return [
        GroupRow(
            group=name,
            neurons=[*counts, len(groups)][number],
            shift=draw.mean(changes[:, number], units),
            share=None if name == "all" else draw.ratio(changes[:, number], whole, units),
        )
        for number, name in enumerate(names)
    ]


def layer_rows(neurons: Neurons, products: Floats, change: Floats, groups: Groups) -> list[LayerRow]:
    """What every layer adds to the projected shift."""
    parts, starts = products * change, neurons.starts
    rows = []
    for layer, size in enumerate(neurons.sizes):
        if size:
            own = slice(starts[layer], starts[layer + 1])
            by_group = {
                name: float(parts[own][groups[own] == number].sum()) for number, name in enumerate(GROUPS)
            }
            rows.append(LayerRow(layer=layer, shift=float(parts[own].sum()), groups=by_group))
    return rows


def set_controls(
    neurons: Neurons,
    chosen: Sequence[Neuron],
    signs: Floats,
    means: Mapping[str, Floats],
    count: int,
    seed: int,
) -> list[Control]:
    """Means of the neurons that are followed beside those of random sets, layer by layer as large.

    Args:
        neurons: Of the model.
        chosen: The neurons that are followed.
        signs: With which sign coefficients count, ``[N]``.
        means: What is compared, by its name, ``[N]``: coefficients, or their changes.
        count: How many sets.
        seed: Of the sets.
    """
    sets = random_sets(neurons, chosen, count, seed)
    if not all(sets):  # the layers have no other neurons
        return []
    weights = set_weights(neurons, [chosen, *sets], signs)
    return [control(name, *_split(weights @ values)) for name, values in means.items()]


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
