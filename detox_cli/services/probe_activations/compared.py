"""Two models side by side: whether their neurons can be compared, and which are followed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import group_weights, grouped, set_weights
from detox_cli.models.neurons.listing import NeuronList
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.ranking import Ranked
from detox_cli.services.probe.opened import Opened

Positivity = Literal["promoting", "positive", "off"]
VERBS = {"promoting": "promotes the probe", "positive": "has a mean above 0", "off": "is there"}
_HALF = "on the choosing half"
HOW = {
    (False, "promoting"): f"that promote the probe {_HALF}",
    (False, "positive"): f"of those nearest to the probe that are above 0 {_HALF}",
    (False, "off"): "nearest to the probe, whatever their sign",
    (True, "promoting"): f"of those given that promote the probe {_HALF}",
    (True, "positive"): f"of those given that are above 0 {_HALF}",
    (True, "off"): "that were given",
}


def check_same_shape(base: Opened, tuned: Opened) -> None:
    """Raise ``BadData`` unless both have the same neurons, and read the same tokens."""
    one, other = base.vectors.neurons, tuned.vectors.neurons
    names = f"{base.loaded.source.name} and {tuned.loaded.source.name}"
    if (one.sizes, one.anatomy.width) != (other.sizes, other.anatomy.width):
        raise BadData(
            f"{names} are of different shapes: {len(one.sizes)} layers of width {one.anatomy.width} with "
            f"{max(one.sizes)} neurons, {len(other.sizes)} of {other.anatomy.width} with {max(other.sizes)}",
            hint="name a model and what it became by tuning",
        )
    if base.loaded.tokenizer.get_vocab() != tuned.loaded.tokenizer.get_vocab():
        raise BadData(f"{names} have different tokens", hint="name a model and what it became by tuning")


@dataclass(frozen=True)
class Followed:
    """The neurons that are followed, how they were chosen, and with which sign coefficients count ``[N]``."""

    neurons: list[Neuron]
    how: str
    signs: Floats


def followed(
    given: NeuronList | None,
    ranked: Ranked | None,
    top: int,
    before: Floats,
    neurons: Neurons,
    positivity: Positivity | None = None,
) -> Followed:
    """The given neurons, or those nearest to the probe, as far as their mean on the choosing half has a sign.

    A plain MLP's neuron promotes the probe where its mean coefficient is above 0 (Li, Yong & Bach, 2024); a
    gated one also where it lies against the probe and its coefficient is below 0.

    Args:
        given: A list of the user's.
        ranked: All value vectors beside the probe, if there is one.
        top: How many of the nearest are looked at, on each side where it counts.
        before: Mean coefficients of the choosing half, ``[N]``.
        neurons: Of the model.
        positivity: Which are kept: those that promote the probe, those above 0 whichever way they lie, or all
            (``off``). If not given, those that promote it, and all of a list.

    Raises:
        BadData: None is left.
    """
    signs = np.ones(len(before)) if ranked is None else np.sign(ranked.cosines)
    if given is None and ranked is None:
        return Followed([], "", signs)
    rule = positivity or ("promoting" if given is None else "off")
    sides = _sides(given, ranked, top, signs, neurons, rule)
    mean = {one: float(before[neurons.place(one)]) for one, _ in sides}
    found = list(dict.fromkeys(one for one, side in sides if _kept(rule, mean[one], side)))
    if not found:
        whose = f"the {top} nearest value vectors" if given is None else "the given neurons"
        raise BadData(
            f"none of {whose} {VERBS[rule]}",
            hint="raise --top, or give --neurons" if given is None else "leave --positivity out",
        )
    return Followed(found, HOW[given is not None, rule], signs)


def _kept(rule: Positivity, mean: float, side: float) -> bool:
    return rule == "off" or (mean if rule == "positive" else side * mean) > 0


def _sides(
    given: NeuronList | None,
    ranked: Ranked | None,
    top: int,
    signs: Floats,
    neurons: Neurons,
    rule: Positivity,
) -> list[tuple[Neuron, float]]:
    """What may be followed, and whether it lies along (1) or against (-1) the probe."""
    if given is not None:
        return [(one, float(signs[neurons.place(one)])) for one in given.neurons]
    assert ranked is not None
    away = ranked.top(top, sign=-1) if neurons.gated and rule != "positive" else []
    return [(one, 1.0) for one in ranked.top(top)] + [(one, -1.0) for one in away]


def weightings(
    base: Opened, chosen: Followed, products: Floats | None, choosing: tuple[Floats, Floats] | None
) -> tuple[Floats | None, int]:
    """All weightings whose sums are wanted of every text, ``[K, N]``, and which is that of the followed ones.

    Without a second model there are no groups; what is then wanted of a probe is the projection alone.
    """
    rows = []
    if products is not None and choosing is not None:
        rows.append(group_weights(products, grouped(products, *choosing)))
    if chosen.neurons:
        rows.append(set_weights(base.vectors.neurons, [chosen.neurons], chosen.signs))
    whole = np.concatenate(rows) if rows else None
    return whole, (0 if whole is None else len(whole) - 1)
