"""Rows of neurons, and all statistics as one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import AGAINST, GROUPS
from detox_cli.models.neurons.moments import Moments
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.services.probe_activations.figures import Drawing
from detox_cli.services.probe_activations.passes import Read
from detox_cli.services.probe_activations.result import NeuronRow
from detox_cli.statistics.bootstrap import Estimate

MOVED = 50
"""How many neurons with the largest part of the shift are listed."""


def listed_neurons(
    neurons: Neurons, chosen: Sequence[Neuron], before: Moments, shifts: Floats | None
) -> list[Neuron]:
    """Those that are followed, then those that carry most of the shift; without either, those that vary most.

    All of it is of the choosing half, so that what is told of them on the other half did not choose them.

    Args:
        neurons: Of the model.
        chosen: Those that are followed.
        before: Statistics of the model.
        shifts: What each neuron adds to the projected shift, ``[N]``.
    """
    places = [neurons.place(neuron) for neuron in chosen]
    if shifts is not None:
        moved = np.argsort(-np.abs(shifts), kind="stable")[:MOVED].tolist()
        places += [place for place in moved if place not in set(places)]
    if not places:
        places = np.argsort(-before.variance, kind="stable")[:MOVED].tolist()
    return [neurons.at(place) for place in places]


@dataclass(frozen=True)
class Known:
    """What is known of every neuron before the testing half is read.

    Attributes:
        followed: How many of those that are listed are followed; they come first.
        cosines: With the probe, ``[N]``.
        products: Value vectors projected on the probe, ``[N]``.
        groups: Of every neuron.
    """

    followed: int
    cosines: Floats | None = None
    products: Floats | None = None
    groups: NDArray[np.int64] | None = None


def neuron_rows(
    neurons: Neurons, listed: Sequence[Neuron], known: Known, reads: Mapping[str, Read], draw: Drawing
) -> list[NeuronRow]:
    """A row for every listed neuron, its means with intervals over prompts.

    Args:
        neurons: Of the model.
        listed: In their order, which is that of the sums in ``reads``.
        known: What is known of them.
        reads: Of the testing half: ``before``, and of the tuned model ``same`` and ``own`` tokens.
        draw: The bootstrap.
    """
    found = {name: read.moments() for name, read in reads.items()}
    keys = {name: _keys(read) for name, read in reads.items()}
    means = {name: draw.each(read.listed) for name, read in reads.items()}
    if "same" in reads:
        means["change"] = draw.each(reads["same"].listed.less(reads["before"].listed))
    rows = []
    for number, neuron in enumerate(listed):
        place, before = neurons.place(neuron), found["before"]
        change = means["change"][number] if "change" in means else None
        group = None if known.groups is None else (*GROUPS, AGAINST)[int(known.groups[place])]
        rows.append(
            NeuronRow(
                layer=neuron[0],
                neuron=neuron[1],
                followed=number < known.followed,
                cosine=_of(known.cosines, place),
                mean=means["before"][number],
                deviation=float(np.sqrt(before.variance[place])),
                low=float(before.low[place]),
                high=float(before.high[place]),
                positive=float(before.positive[place]),
                gate=_at(keys["before"], 0, place),
                up=_at(keys["before"], 1, place),
                mean_same=means["same"][number] if "same" in means else None,
                mean_own=means["own"][number] if "own" in means else None,
                change_same=change,
                positive_same=_of(found["same"].positive, place) if "same" in found else None,
                gate_same=_at(keys.get("same"), 0, place),
                up_same=_at(keys.get("same"), 1, place),
                group=group,
                shift=_shift(change, _of(known.products, place)),
            )
        )
    return rows


def _of(values: Floats | None, place: int) -> float | None:
    return None if values is None else float(values[place])


def _shift(change: Estimate | None, product: float | None) -> Estimate | None:
    """What a change of the coefficient adds to the projection: that times the vector's own projection."""
    if change is None or product is None:
        return None
    ends = sorted((change.low * product, change.high * product))
    return Estimate(change.mean * product, ends[0], ends[1], change.n)


def _keys(read: Read) -> tuple[Moments, Moments] | None:
    has = all("gate" in streams for streams in read.streams.values())
    return (read.moments("gate"), read.moments("up")) if has else None


def _at(keys: tuple[Moments, Moments] | None, which: int, place: int) -> float | None:
    return None if keys is None else float(keys[which].mean[place])


def write_statistics(path: Path, reads: Mapping[str, Read]) -> None:
    """All statistics of all neurons: ``NAME.LANG.KIND.STATISTIC`` ``[N]``; ``.n`` is how many tokens."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, read in reads.items():
        for lang, streams in read.streams.items():
            for kind, stream in streams.items():
                moments, stem = stream.moments(), f"{name}.{lang}.{kind}"
                tensors[f"{stem}.n"] = np.array([moments.n])
                for part in ("mean", "variance", "low", "high", "positive"):
                    tensors[f"{stem}.{part}"] = np.ascontiguousarray(getattr(moments, part))
    save_file(tensors, path)
