"""Rows of neurons, and all statistics as one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import AGAINST, GROUPS
from detox_cli.models.neurons.moments import Moments
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.services.probe_activations.passes import Read
from detox_cli.services.probe_activations.result import NeuronRow

MOVED = 50
"""How many neurons with the largest part of the shift are listed."""


def neuron_rows(
    neurons: Neurons,
    chosen: Sequence[Neuron],
    cosines: Floats | None,
    reads: Mapping[str, Read],
    products: Floats | None,
    groups: NDArray[np.int64] | None,
) -> list[NeuronRow]:
    """The neurons that are followed, and those that carry most of the shift.

    Args:
        neurons: Of the model.
        chosen: Those that are followed.
        cosines: With the probe, ``[N]``.
        reads: Of the testing half: ``before``, and of the tuned model ``same`` and ``own`` tokens.
        products: Value vectors projected on the probe, ``[N]``.
        groups: Of every neuron.
    """
    found = {name: read.moments() for name, read in reads.items()}
    keys = {name: _keys(read) for name, read in reads.items()}
    shifts = None
    places = [neurons.place(neuron) for neuron in chosen]
    if products is not None and "same" in found:
        shifts = products * (found["same"].mean - found["before"].mean)
        moved = np.argsort(-np.abs(shifts), kind="stable")[:MOVED].tolist()
        places += [place for place in moved if place not in places]
    if not places:
        places = np.argsort(-found["before"].variance, kind="stable")[:MOVED].tolist()
    rows = []
    for number, place in enumerate(places):
        layer, unit = neurons.at(place)
        before, same, own = found["before"], found.get("same"), found.get("own")
        group = None if groups is None else (*GROUPS, AGAINST)[int(groups[place])]
        rows.append(
            NeuronRow(
                layer=layer,
                neuron=unit,
                followed=number < len(chosen),
                cosine=None if cosines is None else float(cosines[place]),
                mean=float(before.mean[place]),
                deviation=float(np.sqrt(before.variance[place])),
                low=float(before.low[place]),
                high=float(before.high[place]),
                positive=float(before.positive[place]),
                gate=_at(keys["before"], 0, place),
                up=_at(keys["before"], 1, place),
                mean_same=None if same is None else float(same.mean[place]),
                mean_own=None if own is None else float(own.mean[place]),
                positive_same=None if same is None else float(same.positive[place]),
                gate_same=_at(keys.get("same"), 0, place),
                up_same=_at(keys.get("same"), 1, place),
                group=group,
                shift=None if shifts is None else float(shifts[place]),
            )
        )
    return rows


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
