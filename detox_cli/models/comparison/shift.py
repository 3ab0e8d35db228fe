"""How the residual stream moves from one model to another on the same tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detox_cli.models.activations.collect import trunk_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.neurons.reading import Batch, Done, Written, batches_of
from detox_cli.models.neurons.values import plain

Floats32 = NDArray[np.float32]


@torch.no_grad()
def mean_streams(
    model: Any,
    anatomy: Anatomy,
    texts: Sequence[Written],
    batch_tokens: int,
    done: Done = lambda _: None,
) -> Floats32:
    """The residual stream after every block, averaged over each text's tokens that count, ``[n, L, d]``.

    Four bytes for each text, layer and dimension are all that is kept.
    """
    inner = plain(model)
    found = torch.zeros(len(texts), len(anatomy.blocks), anatomy.width)
    counts = torch.tensor([text.count for text in texts])[:, None]
    trunk = trunk_of(inner, anatomy)
    for batch in batches_of(texts, inner.get_input_embeddings().weight.device, batch_tokens):

        def see(layer: int, stream: torch.Tensor, batch: Batch = batch) -> None:
            rows = stream.reshape(-1, stream.shape[-1])[batch.places.to(stream.device)]
            found[:, layer].index_add_(0, batch.owners, rows.float().cpu())

        with on_block_outputs(inner, anatomy, see):
            trunk(input_ids=batch.ids, use_cache=False)
        done(len(batch.numbers))
    return (found / counts[..., None]).numpy()


@dataclass(frozen=True)
class LayerShift:
    """What happened to the stream after one block; n texts.

    Attributes:
        layer: The block.
        relative: The length of the mean shift over the mean length of the stream.
        projections: Every text's shift along the direction, in standard deviations of the first model's
            texts along it, ``[n]``.
        by_chance: The mean shift along directions by chance, in the same unit, ``[R]``.
        same_way: Mean cosine of single texts' shifts with the mean shift of the other half of the texts.
        spread: The share of the squared mean shift in the first principal components of the first model.
        components: How many these are.
    """

    layer: int
    relative: float
    projections: Floats
    by_chance: Floats
    same_way: float
    spread: float
    components: int


def layer_shift(
    layer: int, before: Floats, after: Floats, direction: Floats, random: Floats, components: int
) -> LayerShift:
    """Compare the streams ``[n, d]`` of the same texts after one block.

    Args:
        layer: The block.
        before: Of the first model.
        after: Of the second one.
        direction: Of length 1, ``[d]``.
        random: Directions by chance of length 1, ``[R, d]``.
        components: How many principal components of ``before``.
    """
    shifts = after - before
    mean = shifts.mean(0)
    deviation = float((before @ direction).std())
    length = float(np.linalg.norm(mean))
    axes = np.linalg.svd(before - before.mean(0), full_matrices=False)[2][:components]
    square = length**2
    return LayerShift(
        layer=layer,
        relative=length / float(np.linalg.norm(before, axis=1).mean()),
        projections=shifts @ direction / max(deviation, 1e-30),
        by_chance=random @ mean / max(deviation, 1e-30),
        same_way=_same_way(shifts),
        spread=float(np.square(axes @ mean).sum() / square) if square > 0 else 0.0,
        components=len(axes),
    )


def _same_way(shifts: Floats) -> float:
    """Mean cosine of each text's shift with the mean shift of those that it is not among."""
    halves = shifts[0::2], shifts[1::2]
    cosines = []
    for own, other in (halves, halves[::-1]):
        mean = other.mean(0)
        sizes = np.linalg.norm(own, axis=1) * np.linalg.norm(mean)
        cosines.append(own @ mean / np.where(sizes > 0, sizes, 1.0))
    return float(np.concatenate(cosines).mean())
