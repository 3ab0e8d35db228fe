"""Floating-point numbers as checkpoints store them, in numpy, which has no bfloat16 of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData

Array = NDArray[Any]

STORED: dict[str, np.dtype[Any]] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.uint16),
    "BF16": np.dtype(np.uint16),
}
"""Editable types -> how their bytes are held; the short ones as bits."""
SHORT = frozenset({"F16", "BF16"})
MAGNITUDE = np.uint16(0x7FFF)


def storage_of(dtype: str, name: str) -> np.dtype[Any]:
    """The numpy type that holds a stored type.

    Raises:
        BadData: Weights of this type cannot be edited (quantised ones, whole numbers).
    """
    if dtype not in STORED:
        raise BadData(
            f"is stored as {dtype}, which cannot be edited",
            where=name,
            hint="start from weights in float32, bfloat16 or float16",
        )
    return STORED[dtype]


def decode(stored: Array, dtype: str) -> Array:
    """Numbers to count with: float32, or float64 where they are stored so; always a new array."""
    if dtype == "BF16":
        wide = stored.astype(np.uint32)
        wide <<= 16
        return wide.view(np.float32)
    return stored.view(np.float16).astype(np.float32) if dtype == "F16" else stored.copy()


def encode(numbers: Array, dtype: str) -> Array:
    """The nearest stored numbers, ties to even. ``numbers`` are used up."""
    if dtype == "BF16":
        bits = numbers.view(np.uint32)
        odd = bits >> 16
        odd &= 1
        odd += 0x7FFF
        bits += odd
        bits >>= 16
        return bits.astype(np.uint16)
    return numbers.astype(np.float16).view(np.uint16) if dtype == "F16" else numbers


def next_towards(bits: NDArray[np.uint16], up: bool) -> NDArray[np.uint16]:
    """The next stored number above (``up``) or below, as bits; zeros stay."""
    grows = (bits > MAGNITUDE) != up
    following = np.where(grows, bits + np.uint16(1), bits - np.uint16(1))
    return np.where((bits & MAGNITUDE) == 0, bits, following)
