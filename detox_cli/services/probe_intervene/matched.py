"""Random neurons like the chosen ones, and what coefficients and the stream usually are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.neurons.hooks import Seen, on_coefficients
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.neurons.values import ValueVectors

NEAR = 20
"""Among how many neurons with vectors of about the same length one is drawn."""
LENGTH, ROWS, MOST = 128, 8, 512
"""Tokens of a window, windows of a batch, and windows at most, for what is usual."""


def matched_neurons(vectors: ValueVectors, chosen: Sequence[Neuron], seed: int) -> list[Neuron]:
    """As many neurons of the same parts of the same layers, none of them chosen, with vectors as long.

    Each is drawn among the twenty that are nearest to its counterpart in length and not taken yet.

    Raises:
        BadData: More than half of a layer's neurons are chosen, so that there are not enough others.
    """
    generator, taken, found = np.random.default_rng(seed), set(chosen), []
    lengths: dict[Any, Any] = {}
    for neuron in chosen:
        part = vectors.neurons.part_of(neuron)
        if part not in lengths:
            lengths[part] = vectors.rows(part, folded=True).norm(dim=1).cpu().numpy()
        own = lengths[part]
        order = np.argsort(np.abs(own - own[neuron[1] - part.first]), kind="stable")
        free = [n for place in order.tolist() if (n := (part.layer, part.first + place)) not in taken][:NEAR]
        if not free:
            raise BadData(
                f"layer {part.layer} has no neurons left to draw random ones from",
                hint="choose fewer with --top, or --controls 0",
            )
        drawn = free[int(generator.integers(len(free)))]
        taken.add(drawn)
        found.append(drawn)
    return found


@torch.no_grad()
def usual_coefficients(
    model: Any, tokenizer: Any, vectors: ValueVectors, chosen: Sequence[Neuron], text: str
) -> list[float]:
    """The mean coefficient of each neuron over the tokens of a text, read in windows of 128 tokens.

    Raises:
        BadData: The text is shorter than a window.
    """
    windows = _windows(tokenizer, text)
    neurons = vectors.neurons
    parts = frozenset(neurons.part_of(neuron) for neuron in chosen)
    sums = {part: np.zeros(part.size) for part in parts}

    def see(seen: Seen) -> None:
        sums[seen.part] += seen.values.double().sum(0).cpu().numpy()

    with on_coefficients(model, neurons, see, parts):
        _read(model, windows)
    total = len(windows) * LENGTH
    return [
        float(sums[part][neuron[1] - part.first] / total)
        for neuron in chosen
        for part in [neurons.part_of(neuron)]
    ]


@torch.no_grad()
def usual_stream(
    model: Any, anatomy: Anatomy, tokenizer: Any, layers: Sequence[int], unit: Floats, text: str
) -> tuple[float, float]:
    """The mean length of the stream after some blocks, and its standard deviation along a direction ``[d]``.

    Over the tokens of a text, read as for `usual_coefficients`: what a dose is to be compared with.

    Raises:
        BadData: The text is shorter than a window.
    """
    lengths: list[torch.Tensor] = []
    along: list[torch.Tensor] = []
    direction = torch.from_numpy(unit)

    def see(index: int, stream: torch.Tensor) -> None:
        if index in layers:
            lengths.append(stream.double().norm(dim=-1).flatten().cpu())
            along.append((stream.double() @ direction.to(stream.device)).flatten().cpu())

    with on_block_outputs(model, anatomy, see):
        _read(model, _windows(tokenizer, text))
    return float(torch.cat(lengths).mean()), float(torch.cat(along).std())


def _windows(tokenizer: Any, text: str) -> list[list[int]]:
    ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    windows = [ids[i : i + LENGTH] for i in range(0, len(ids) - LENGTH + 1, LENGTH)][:MOST]
    if not windows:
        raise BadData(f"has fewer than {LENGTH} tokens", where="--text", hint="name a longer text")
    return windows


def _read(model: Any, windows: Sequence[Sequence[int]]) -> None:
    device = model.get_input_embeddings().weight.device
    for first in range(0, len(windows), ROWS):
        model(input_ids=torch.tensor(windows[first : first + ROWS], device=device), use_cache=False)
