"""Weights in eight or four bits as the numbers that they stand for, a few rows at a time. No torch."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import STORED, decode

Numbers = NDArray[np.float32]
Tensors = Mapping[str, Stored]

UNQUANTISED = "start from the weights that it was quantised from"
FLOAT8 = {"F8_E4M3": (4, 3, 7), "F8_E5M2": (5, 2, 15)}
"""Stored type -> exponent bits, mantissa bits, bias."""
STATES = ("bitsandbytes__nf4", "bitsandbytes__fp4")
SCALES = ("weight_scale", "weight_scale_inv")
IDLE = ("input_scale", "k_scale", "v_scale", "q_scale", "weight_format", "activation_scale")
"""Companions of a module that say how it computes, not what its weight is."""


@dataclass(frozen=True)
class Packed:
    """A quantised weight.

    Attributes:
        shape: Of the weight that it stands for.
        helpers: Tensors that only serve to decode it.
        rows: Its rows from a first to (not with) a last one, ``[last - first, shape[-1]]``; all leading
            axes count as rows.
    """

    shape: tuple[int, ...]
    helpers: tuple[str, ...]
    rows: Callable[[int, int], Numbers]


def packed_weights(tensors: Tensors, quantisation: Mapping[str, Any]) -> dict[str, Packed]:
    """Every quantised weight of a checkpoint, by name.

    Args:
        tensors: What the checkpoint holds.
        quantisation: The ``quantization_config`` of its configuration.

    Raises:
        BadData: The method cannot be undone here, or a weight lacks what it is decoded with.
    """
    method = str(quantisation.get("quant_method") or "unnamed method")
    method = "bitsandbytes" if "load_in_8bit" in quantisation else method
    form = str(quantisation.get("format", ""))
    scaled = method in ("fp8", "fbgemm_fp8") or (
        method == "compressed-tensors" and form in ("float-quantized", "int-quantized", "naive-quantized")
    )
    if method != "bitsandbytes" and not scaled:
        shown = f"{method}, {form}" if form else method
        message = f"its weights are quantised ({shown}) and cannot be edited"
        raise BadData(message, where="config.json", hint=UNQUANTISED)
    found = {}
    for name, stored in tensors.items():
        if name.endswith("weight") and (stored.dtype in FLOAT8 or stored.dtype in ("I8", "U8")):
            found[name] = _scaled(stored, tensors, quantisation) if scaled else _bitsandbytes(stored, tensors)
    if not found:
        message = f"its configuration says {method}, but no weight is quantised"
        raise BadData(message, where="config.json", hint=UNQUANTISED)
    return found


def idle_tensors(tensors: Tensors) -> set[str]:
    """Tensors that mean nothing once the weights are plain numbers."""
    return {name for name in tensors if name.rpartition(".")[2] in IDLE}


def _scaled(stored: Stored, tensors: Tensors, quantisation: Mapping[str, Any]) -> Packed:
    """Numbers of eight bits times a scale: of the tensor, of its rows, or of blocks of it."""
    stem = stored.name.removesuffix("weight")
    name = next((stem + scale for scale in SCALES if stem + scale in tensors), None)
    if name is None:
        raise BadData(
            f"{stored.name} has no scale to decode it with",
            where=str(stored.file),
            hint="fetch or copy the whole folder again",
        )
    scale = _whole(tensors[name])
    zeros = stem + "weight_zero_point"
    shift = _whole(tensors[zeros]) if zeros in tensors else None
    table = _table(stored.dtype, stored.name)
    block = quantisation.get("weight_block_size")
    height = stored.shape[-2]

    def rows(first: int, last: int) -> Numbers:
        numbers: Numbers = table[_raw_rows(stored, first, last)]
        if shift is not None:
            numbers -= _of_rows(shift, first, last)
        if block is None:
            numbers *= _of_rows(scale, first, last)
            return numbers
        index = np.arange(first, last)
        grid = scale.reshape(-1, *scale.shape[-2:])[index // height, index % height // block[0]]
        numbers *= np.repeat(grid, block[1], axis=-1)[:, : stored.shape[-1]]
        return numbers

    return Packed(stored.shape, (name, *([zeros] if zeros in tensors else [])), rows)


def _of_rows(scale: Numbers, first: int, last: int) -> Numbers:
    """What belongs to rows: one number for all, or one for each."""
    flat = scale.reshape(-1, 1)
    return flat if len(flat) == 1 else flat[first:last]


def _bitsandbytes(stored: Stored, tensors: Tensors) -> Packed:
    if stored.dtype == "I8":
        name = stored.name.removesuffix("weight") + "SCB"
        if name not in tensors:
            raise BadData(
                f"{stored.name} has no scale to decode it with",
                where=str(stored.file),
                hint="fetch or copy the whole folder again",
            )
        scale = _whole(tensors[name]) / np.float32(127)
        table = _table("I8", stored.name)
        return Packed(
            stored.shape,
            (name,),
            lambda first, last: table[_raw_rows(stored, first, last)] * scale[first:last, None],
        )
    return _four_bits(stored, tensors)


def _four_bits(stored: Stored, tensors: Tensors) -> Packed:
    """Pairs of indices into a table of 16 numbers, the first in the high bits, and a scale for each block.

    Format: QLoRA (Dettmers et al., 2023), as bitsandbytes stores it; scales may be quantised themselves.
    """
    key = next((k for s in STATES if (k := f"{stored.name}.quant_state.{s}") in tensors), None)
    needed = [f"{stored.name}.absmax", f"{stored.name}.quant_map"]
    if key is None or any(name not in tensors for name in needed):
        raise BadData(
            f"{stored.name} has no state to decode it with",
            where=str(stored.file),
            hint="fetch or copy the whole folder again",
        )
    state = json.loads(_bytes(tensors[key], 0, tensors[key].size).tobytes())
    codes = _whole(tensors[needed[1]])
    scales = _block_scales(stored, tensors, state)
    shape, size = tuple(state["shape"]), int(state["blocksize"])
    width = shape[-1]

    def rows(first: int, last: int) -> Numbers:
        start, end = first * width, last * width
        low, high = start // 2, (end + 1) // 2
        packed = _bytes(stored, low, high - low)
        indices = np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[start - 2 * low :][: end - start]
        numbers: Numbers = codes[indices] * scales[np.arange(start, end) // size]
        return numbers.reshape(last - first, width)

    helpers = [name for name in tensors if name.startswith(f"{stored.name}.")]
    return Packed(shape, tuple(helpers), rows)


def _block_scales(stored: Stored, tensors: Tensors, state: Mapping[str, Any]) -> Numbers:
    absmax = tensors[f"{stored.name}.absmax"]
    if absmax.dtype != "U8":
        return _whole(absmax)
    codes, outer = (_whole(tensors[f"{stored.name}.nested_{part}"]) for part in ("quant_map", "absmax"))
    inner = _bytes(absmax, 0, absmax.size)
    blocks = np.arange(len(inner)) // int(state["nested_blocksize"])
    scales: Numbers = codes[inner] * outer[blocks] + np.float32(state["nested_offset"])
    return scales


def _table(dtype: str, name: str) -> Numbers:
    """What each of the 256 bytes of a tensor stands for; NaN where it stands for no number."""
    code = np.arange(256)
    if dtype == "I8":
        return code.astype(np.uint8).view(np.int8).astype(np.float32)
    if dtype not in FLOAT8:
        raise BadData(f"weights stored as {dtype} cannot be decoded", where=name, hint=UNQUANTISED)
    exponents, mantissas, bias = FLOAT8[dtype]
    exponent = (code >> mantissas) & ((1 << exponents) - 1)
    mantissa = (code & ((1 << mantissas) - 1)) / (1 << mantissas)
    value = np.where(exponent > 0, (1 + mantissa) * 2.0 ** (exponent - bias), mantissa * 2.0 ** (1 - bias))
    largest = code & 0x7F
    value = np.where(largest == 0x7F if exponents == 4 else largest >= 0x7C, np.nan, value)
    return np.where(code >> 7, -value, value).astype(np.float32)


def _raw_rows(stored: Stored, first: int, last: int) -> NDArray[np.uint8]:
    width = stored.shape[-1]
    return _bytes(stored, first * width, (last - first) * width).reshape(last - first, width)


def _bytes(stored: Stored, start: int, count: int) -> NDArray[np.uint8]:
    with stored.file.open("rb") as file:
        file.seek(stored.start + start)
        return np.frombuffer(file.read(count), dtype=np.uint8)


def _whole(stored: Stored) -> Numbers:
    """A small tensor as float32."""
    if stored.dtype not in STORED:
        raw = _bytes(stored, 0, stored.size)
        return _table(stored.dtype, stored.name)[raw].reshape(stored.shape)
    raw = _bytes(stored, 0, stored.size).view(STORED[stored.dtype])
    return decode(raw, stored.dtype).astype(np.float32).reshape(stored.shape)
