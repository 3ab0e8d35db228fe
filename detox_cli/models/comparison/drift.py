"""How far every tensor of a model has moved, and whether it moved along given directions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy, Writer
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.values import plain

POWER_STEPS = 30


@dataclass(frozen=True)
class Drift:
    """One tensor.

    Attributes:
        name: As in the model.
        layer: Of its block; ``None`` outside of blocks.
        kind: What it writes, such as ``mlp`` or ``attention``; ``reader`` or ``norm`` for what does not write
            to the stream itself.
        size: How many numbers it has.
        length: Of the first model's tensor, as one vector.
        step: Of the difference.
        cosine: Of both tensors; ``None`` where one is all zeros.
        rank: The stable rank of the difference, its squared length over its largest squared singular value
            (Rudelson & Vershynin, 2007); 1 for a direction taken away, ``None`` for vectors and where nothing
            differs.
    """

    name: str
    layer: int | None
    kind: str
    size: int
    length: float
    step: float
    cosine: float | None
    rank: float | None


@dataclass(frozen=True)
class Overlap:
    """How much of what a writer's difference writes lies in subspaces of the stream.

    Attributes:
        name: Of the writer.
        layer: Of its block; ``None`` outside of blocks.
        kind: What it is.
        square: The squared length of the difference.
        shares: Of that, in each of the subspaces.
    """

    name: str
    layer: int | None
    kind: str
    square: float
    shares: tuple[float, ...]


@torch.no_grad()
def drifts(before: Any, after: Any, anatomy: Anatomy) -> Iterator[Drift]:
    """Every parameter of both models, in the order of the model; numbers are counted in float32.

    Raises:
        BadData: They do not have the same parameters.
    """
    one, other = _parameters(before), _parameters(after)
    check_same_parameters(one, other)
    kinds = {writer.name: (writer.kind, writer.block) for writer in anatomy.writers}
    for name, tensor in one.items():
        kind, layer = kinds.get(name, ("norm" if tensor.dim() == 1 else "reader", _layer(name, anatomy)))
        a, b = tensor.float(), other[name].to(tensor.device).float()
        step = b - a
        square, length = float(step.square().sum()), float(a.norm())
        lengths = length * float(b.norm())
        cosine = min(1.0, float((a * b).sum()) / lengths) if lengths else None
        rank = stable_rank(step) if square > 0 and step.dim() > 1 else None
        yield Drift(name, layer, str(kind), tensor.numel(), length, square**0.5, cosine, rank)


def check_same_parameters(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Raise ``BadData`` unless names and shapes are the same."""
    names = sorted(one.keys() ^ other.keys()) or sorted(n for n in one if one[n].shape != other[n].shape)
    if names:
        raise BadData(
            f"the models do not have the same tensors: {', '.join(names[:3])}",
            hint="name a model and what it became",
        )
    if packed := next((n for n in one if not one[n].is_floating_point() or one[n].element_size() < 2), None):
        raise BadData(
            f"{packed} is held in few bits, which cannot be compared", hint="name unquantised models"
        )


def stable_rank(matrix: Tensor) -> float:
    """``|M|_F^2 / |M|_2^2`` of the last two axes, the largest singular value by power iteration."""
    flat = matrix.reshape(-1, matrix.shape[-1])
    vector = torch.linspace(1, 2, flat.shape[1], device=flat.device)
    largest = 0.0
    for _ in range(POWER_STEPS):
        image = flat.T @ (flat @ (vector / vector.norm()))
        largest, vector = float(image.norm()), image
        if largest == 0:
            break
    square = float(flat.square().sum())
    return square / max(min(largest, square), 1e-30)


@torch.no_grad()
def overlaps(before: Any, after: Any, anatomy: Anatomy, bases: Sequence[Floats]) -> Iterator[Overlap]:
    """For every writer that changed, the share of its difference in each of several subspaces of the stream.

    A writer's difference is a set of vectors that it adds to the stream; gains of norms behind it are
    multiplied in. By chance a subspace of k of d dimensions holds k/d of it.

    Args:
        before: The first model.
        after: The second one.
        anatomy: Of both.
        bases: Orthonormal, ``[d, k]`` each.
    """
    one, other = _parameters(before), _parameters(after)
    for writer in anatomy.writers:
        if writer.name in one and not writer.bias:
            rows = _rows(writer, other[writer.name].float() - one[writer.name].float(), one)
            square = float(rows.square().sum())
            if square > 0:
                shares = [float((rows @ torch.from_numpy(b).to(rows)).square().sum()) / square for b in bases]
                yield Overlap(writer.name, writer.block, str(writer.kind), square, tuple(shares))


def leading_basis(rows: Floats, k: int) -> Floats:
    """An orthonormal basis ``[d, k]`` of the first singular vectors of rows that are all made of length 1."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = np.linalg.svd(unit, full_matrices=False)[2]
    return np.ascontiguousarray(found[:k].T)


def _rows(writer: Writer, step: Tensor, weights: dict[str, Tensor]) -> Tensor:
    rows = step.movedim(writer.axis, -1)
    rows = rows.reshape(-1, rows.shape[-1])
    for gain in writer.gains:
        rows = rows * (gain.offset + weights[gain.name].to(rows))
    return rows


def _parameters(model: Any) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in plain(model).named_parameters()}


def _layer(name: str, anatomy: Anatomy) -> int | None:
    return next((block.index for block in anatomy.blocks if name.startswith(f"{block.path}.")), None)
