"""How merged numbers become stored ones: to the nearest, or up or down by chance.

Where a step is small beside the grid of the stored type, the nearest number is the old one, and the step is
lost. Rounding by chance keeps it on average, for more noise in each number (Croci et al., Royal Society Open
Science 2022, "Stochastic rounding: implementation, error analysis and applications").
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.checkpoint.numbers import MAGNITUDE, SHORT, encode
from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.draws import short_draws, stream_key

Rounding = Literal["nearest", "stochastic"]
Round = Callable[[Numbers, str, str, int], NDArray[Any]]
"""From merged numbers, the stored type, the tensor's name and the index of the first number to what is
stored. The numbers are used up."""

OF_ROUNDING = -1
"""Takes the place of a model in the key of the draws that round."""
INFINITE = {"F16": 0x7C00, "BF16": 0x7F80}
"""The bits of infinity."""
FRACTION_BITS, SMALLEST_EXPONENT = 10, -14
"""Of float16; below the smallest exponent its numbers lie as far apart as just above it."""


def rounding_of(kind: Rounding, seed: int) -> Round:
    """The rule for a setting; ``seed`` is that of the draws."""
    return round_nearest if kind == "nearest" else partial(round_by_chance, seed)


def overflown(stored: NDArray[Any], dtype: str) -> bool:
    """Whether rounding finite numbers has made infinite ones: the type is too narrow for them."""
    infinite = INFINITE.get(dtype)
    return infinite is not None and bool((stored & MAGNITUDE).max(initial=0) >= infinite)


def round_nearest(numbers: Numbers, dtype: str, tensor: str, first: int) -> NDArray[Any]:
    """To the nearest stored number, ties to even."""
    if dtype == "F64":
        return numbers.astype(np.float64)
    return encode(np.ascontiguousarray(numbers), dtype)


def round_by_chance(seed: int, numbers: Numbers, dtype: str, tensor: str, first: int) -> NDArray[Any]:
    """To one of the two stored numbers around, the nearer one more often: right on average.

    The draw of a number depends on seed, tensor and place alone. Numbers that the type holds stay, so types
    as wide as the sums have nothing to round.
    """
    if dtype not in SHORT:
        return round_nearest(numbers, dtype, tensor, first)
    draws = short_draws(stream_key(seed, tensor, OF_ROUNDING), first, numbers.size).reshape(numbers.shape)
    if dtype == "BF16":
        return _to_bf16(np.ascontiguousarray(numbers), draws)
    return _to_f16(numbers, draws)


def _to_bf16(numbers: Numbers, draws: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The draw is added to the bits that are cut off, and carries with exactly their share."""
    bits = numbers.view(np.uint32)
    bits += draws
    bits >>= np.uint32(16)
    return bits.astype(np.uint16)


def _to_f16(numbers: Numbers, draws: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """In steps of float16's grid at each number, which float32 holds without error."""
    _, exponents = np.frexp(numbers)
    steps = np.maximum(exponents - 1, SMALLEST_EXPONENT) - FRACTION_BITS
    sizes = np.ldexp(np.abs(numbers), -steps)
    whole = np.floor(sizes)
    whole += (sizes - whole) * np.float32(1 << 16) > draws
    rounded = np.copysign(np.ldexp(whole, steps), numbers)
    stored: NDArray[np.uint16] = rounded.astype(np.float16).view(np.uint16)
    return stored
