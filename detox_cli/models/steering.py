"""The residual stream pushed along a direction, or without it, while a context lasts."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.hooks import on_block_outputs
from detox_cli.models.positions import Passes, Positions

Steer = Literal["add", "project-out"]


@contextmanager
def steering(
    model: Any,
    anatomy: Anatomy,
    layers: Collection[int],
    unit: Floats,
    how: Steer,
    dose: float,
    positions: Positions = "all",
) -> Iterator[None]:
    """Change the stream x after some blocks along a unit vector u.

    ``add`` gives ``x + dose u`` (Lee et al., ICML 2024, arXiv 2401.01967, section 4, with a negative dose),
    ``project-out`` gives ``x - dose (x . u) u``, which at dose 1 leaves nothing along u.

    Args:
        model: Loaded.
        anatomy: Of the model.
        layers: After which blocks.
        unit: u, ``[d]``, of length 1.
        how: What is done.
        dose: How much of it.
        positions: At which tokens.
    """
    passes, direction = Passes(positions), torch.from_numpy(unit)

    def see(index: int, stream: torch.Tensor) -> torch.Tensor | None:
        chosen = passes.chosen(stream.shape[1]) if index in layers else None
        if chosen is None:
            return None
        u = direction.to(stream.device, torch.promote_types(stream.dtype, torch.float32))
        part = stream[:, chosen].to(u.dtype)
        step = u.expand_as(part) if how == "add" else -(part @ u)[..., None] * u
        changed = stream.clone()
        changed[:, chosen] = (part + dose * step).to(stream.dtype)
        return changed

    with passes.watched(model), on_block_outputs(model, anatomy, see):
        yield
