"""What safetensors files hold and where, from their headers alone."""

import math
from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData

BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
"""Bits of one element, by the names of the format."""
LONGEST_HEADER = 100_000_000
COPY_AGAIN = "fetch or copy the file again"


@dataclass(frozen=True)
class Stored:
    """One tensor in a file.

    Attributes:
        name: Its key.
        file: The file that holds it.
        dtype: As the format names it: ``F32``, ``BF16``, …
        shape: Its shape.
        start: Where its bytes start in the file.
        size: How many they are.
    """

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


def read_header(path: Path) -> dict[str, Stored]:
    """Every tensor of a safetensors file, in the order of their bytes.

    Raises:
        BadData: The file is cut off, too long, or not in this format.
    """
    total = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, total - 8):
            raise BadData(
                "is no safetensors file, or cut off in its header", where=str(path), hint=COPY_AGAIN
            )
        text = file.read(length)
    try:
        entries = parse_json(text)
        entries.pop("__metadata__", None)
        tensors = [_stored(path, name, entry, 8 + length) for name, entry in entries.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData("has a damaged header", where=str(path), hint=COPY_AGAIN) from error
    tensors.sort(key=lambda tensor: (tensor.start, tensor.size))
    end = 8 + length
    for tensor in tensors:
        if tensor.start != end or tensor.size != _size_of(tensor):
            wrong = (
                f"has a damaged header: the place of {tensor.name} does not fit its shape or its neighbours"
            )
            raise BadData(wrong, where=str(path), hint=COPY_AGAIN)
        end += tensor.size
    if end != total:
        wrong = (
            f"is cut off: {end - total} bytes are missing"
            if end > total
            else f"is {total - end} bytes too long"
        )
        raise BadData(wrong, where=str(path), hint=COPY_AGAIN)
    return {tensor.name: tensor for tensor in tensors}


def _size_of(tensor: Stored) -> int:
    """The bytes that a tensor of this shape needs; of a format with other widths, what it claims."""
    if any(side < 0 for side in tensor.shape):
        return -1
    bits = BITS.get(tensor.dtype)
    return tensor.size if bits is None else math.prod(tensor.shape) * bits // 8


def _stored(path: Path, name: str, entry: dict[str, object], data_start: int) -> Stored:
    begin, end = (int(offset) for offset in entry["data_offsets"])  # type: ignore[attr-defined]
    shape = tuple(int(size) for size in entry["shape"])  # type: ignore[attr-defined]
    return Stored(name, path, str(entry["dtype"]), shape, data_start + begin, end - begin)
