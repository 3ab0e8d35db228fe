"""Two models side by side: whether their neurons can be compared, and which are followed."""

from dataclasses import dataclass

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import group_weights, grouped, set_weights
from detox_cli.models.neurons.listing import NeuronList
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.neurons.ranking import Ranked
from detox_cli.services.probe.opened import Opened


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
    given: NeuronList | None, ranked: Ranked | None, top: int, before: Floats, gated: bool
) -> Followed:
    """The given neurons, or of those nearest to the probe the ones that promote it on the choosing half.

    A plain MLP's neuron promotes it where its mean coefficient is above 0 (Li, Yong & Bach, 2024); a gated
    one also where it lies against the probe and its coefficient is below 0.

    Args:
        given: A list of the user's.
        ranked: All value vectors beside the probe, if there is one.
        top: How many of the nearest are looked at, on each side where it counts.
        before: Mean coefficients of the choosing half, ``[N]``.
        gated: Whether the model's MLPs have gates.

    Raises:
        BadData: None promotes it.
    """
    signs = np.ones(len(before)) if ranked is None else np.sign(ranked.cosines)
    if given is not None:
        return Followed(list(given.neurons), "that were given", signs)
    if ranked is None:
        return Followed([], "", signs)
    neurons = ranked.neurons
    found = [one for one in ranked.top(top) if before[neurons.place(one)] > 0]
    if gated:
        found += [one for one in ranked.top(top, sign=-1) if before[neurons.place(one)] < 0]
    if not found:
        raise BadData(
            f"none of the {top} nearest value vectors promotes the probe",
            hint="raise --top, or give --neurons",
        )
    return Followed(found, "that promote the probe on the choosing half", signs)


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
