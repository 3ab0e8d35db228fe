"""Chosen neurons whose coefficients are changed while a context lasts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from detox_cli.models.neurons.hooks import Seen, on_coefficients
from detox_cli.models.neurons.parts import Neuron, Neurons, Part
from detox_cli.models.neurons.values import plain
from detox_cli.models.positions import Passes, Positions


@dataclass(frozen=True)
class Change:
    """What becomes of the coefficient c of every chosen neuron: ``factor * c + offset``, kept within bounds.

    Attributes:
        factors: One for each neuron.
        offsets: Likewise.
        bound: The largest size that is left, of any; ``None`` for no bound.
    """

    factors: tuple[float, ...]
    offsets: tuple[float, ...]
    bound: float | None = None


@contextmanager
def changing(
    model: Any, neurons: Neurons, chosen: Sequence[Neuron], change: Change, positions: Positions = "all"
) -> Iterator[None]:
    """Change the coefficients of neurons in every pass.

    With an offset at all positions, an expert's coefficient changes where the router sends a token to it.

    Args:
        model: Loaded.
        neurons: All of its neurons.
        chosen: Which are changed.
        change: How, in the order of ``chosen``.
        positions: At which tokens.

    Raises:
        BadData: The model has no such neuron.
    """
    inner, passes, places = plain(model), Passes(positions), _by_part(neurons, chosen)
    factors, offsets = torch.tensor(change.factors), torch.tensor(change.offsets)

    def see(seen: Seen) -> Tensor | None:
        which = passes.chosen(seen.shape[1])
        if which is None:
            return None
        numbers, rows = places[seen.part], _rows(seen, which)
        columns = torch.tensor([number for number, _ in numbers], device=seen.values.device)
        mine = [place for _, place in numbers]
        values = seen.values.clone()
        part = values[:, columns].float()
        new = part * factors[mine].to(part) + offsets[mine].to(part)
        if change.bound is not None:
            new = new.clamp(-change.bound, change.bound)
        values[:, columns] = torch.where(rows[:, None], new, part).to(values.dtype)
        return values

    with passes.watched(inner), on_coefficients(inner, neurons, see, frozenset(places)):
        yield


def _rows(seen: Seen, which: slice) -> Tensor:
    """Whether a row of coefficients is at one of the positions, ``[m]``."""
    positions: Tensor = seen.positions()[:, 1]
    return torch.logical_and(positions >= which.start, positions < which.stop)


def _by_part(neurons: Neurons, chosen: Sequence[Neuron]) -> dict[Part, list[tuple[int, int]]]:
    """For each part its chosen neurons: number within the part, and place in ``chosen``."""
    found: dict[Part, list[tuple[int, int]]] = {}
    for place, neuron in enumerate(chosen):
        part = neurons.part_of(neuron)
        found.setdefault(part, []).append((neuron[1] - part.first, place))
    return found
