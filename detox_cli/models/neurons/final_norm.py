"""Directions as a probe has them, behind the final norm, and as the residual stream has them, before it."""

from typing import Any

import numpy as np
import torch
from accelerate.utils import align_module_device

from detox_cli.errors import BadData
from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.values import plain

TOLERANCE = 1e-2


def final_norm(model: Any, anatomy: Anatomy) -> Any:
    """The module between the last block and the head.

    Raises:
        BadData: The family is not in the table, so it is not known.
    """
    family = FAMILIES.get(anatomy.family)
    if family is None:
        raise BadData(
            f"the final norm of a {anatomy.family or 'model of no named family'} is not known",
            hint="name a model of a family that is known without --targets",
        )
    return plain(model).get_submodule(anatomy.trunk + family.norm)


def in_stream(model: Any, anatomy: Anatomy, direction: Floats) -> Floats:
    """The direction of the residual stream that a direction behind the final norm reads.

    The norm gives ``h = g * (x - m) / s + b`` with a length s of the token, and m the mean of x for a
    LayerNorm, else 0. So ``w . h = (g * w) . (x - m) / s + w . b``: what a value vector v in x does to
    ``w . h`` is its product with ``g * w`` (less its mean, where m is not 0) over s. The gain goes into the
    direction once, in place of into every value vector; cosines are then with the direction that the
    stream itself has.

    The gain is measured at the module, so it is right for whatever way a family stores it.

    Args:
        model: Loaded.
        anatomy: Its anatomy.
        direction: ``[d]``, or several, ``[k, d]``.

    Returns:
        The same shape, float64, not normalised.

    Raises:
        BadData: The direction has another width, or the module is no norm of a known kind.
    """
    if direction.shape[-1] != anatomy.width:
        raise BadData(
            f"the direction has {direction.shape[-1]} numbers, the stream of the model has {anatomy.width}",
            hint="train the probe on this model",
        )
    gain, centred = measured_gain(final_norm(model, anatomy), anatomy.width)
    seen: Floats = gain * direction
    return seen - seen.mean(-1, keepdims=True) if centred else seen


@torch.no_grad()
def measured_gain(norm: Any, width: int) -> tuple[Floats, bool]:
    """The gain of a norm, ``[d]``, and whether it takes the mean off.

    Raises:
        BadData: It is neither an RMSNorm nor a LayerNorm.
    """
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (width,), generator=generator) * 2.0 - 1
    inputs = torch.stack([signs, torch.randn(width, generator=generator) + 0.5]) * 8
    with align_module_device(norm):
        own = next(norm.parameters(), torch.zeros(1))
        x = inputs.to(own.device, own.dtype)[None]
        found = ((norm(x) - norm(-x)) / 2)[0].double().cpu().numpy()
    read = x[0].double().cpu().numpy()
    for centred in (False, True):
        unit = read - read.mean(1, keepdims=True) * centred
        unit /= np.sqrt(np.square(unit).mean(1, keepdims=True))
        gain = found[0] / unit[0]
        if np.abs(gain * unit[1] - found[1]).max() <= TOLERANCE * np.abs(found[1]).max():
            return gain, centred
    raise BadData(f"a {type(norm).__name__} is no known kind of final norm", hint="name another model")
