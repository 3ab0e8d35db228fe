"""From statistics and sums to figures with intervals."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import AGAINST, GROUPS
from detox_cli.models.neurons.parts import Neurons
from detox_cli.services.probe.means import PerText
from detox_cli.services.probe_activations.passes import Told
from detox_cli.services.probe_activations.result import GroupRow, LanguageRow, LayerRow
from detox_cli.statistics.bootstrap import Estimate, drawn_means, mean_interval_of_units
from detox_cli.statistics.clusters import Ratio, ratio_intervals
from detox_cli.statistics.paired import sums_by_unit

Sums = Mapping[str, Floats]
K = TypeVar("K", bound=Hashable)
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Drawing:
    """How the bootstrap draws: prompts, each with its translations, as these are no evidence of their own."""

    seed: int
    resamples: int

    def mean(self, values: Floats, units: Sequence[str]) -> Estimate:
        """The mean of values, one for each prompt; n counts units."""
        return mean_interval_of_units(*sums_by_unit(values, units), self.seed, self.resamples)

    def ratios(self, ratios: Mapping[K, Ratio], units: Sequence[str]) -> dict[K, Estimate]:
        """Several figures of the same texts, drawn together; n counts units."""
        numbers = np.unique(np.array(units), return_inverse=True)[1]
        names = {str(place): key for place, key in enumerate(ratios)}
        given = dict(zip(names, ratios.values(), strict=True))
        found = ratio_intervals(given, numbers, self.seed, self.resamples)
        return {names[name]: one for name, one in found.items()}

    def each(self, texts: PerText) -> list[Estimate]:
        """The mean over tokens of every neuron; n counts units."""
        return texts.means(self.seed, self.resamples)

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
