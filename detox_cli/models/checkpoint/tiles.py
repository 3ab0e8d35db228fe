"""A tensor of a file, piece by piece, as vectors of the residual stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import storage_of

Array = NDArray[Any]

PANEL_BYTES = 16 << 20
"""How much of a tensor is in memory at once."""


@dataclass(frozen=True)
class Panel:
    """A rectangle of a matrix ``[rows, columns]`` that lies in a file.

    Attributes:
        offset: Where its first number is.
        rows: How many rows.
        columns: How many columns of it.
        stride: Bytes from one row to the next.
        stream_last: Whether the vectors of the stream are its rows; else they are its columns.
    """

    offset: int
    rows: int
    columns: int
    stride: int
    stream_last: bool


def panels(tensor: Stored, axis: int) -> Iterator[Panel]:
    """Cut a tensor into panels that hold whole vectors of the stream, which lies along ``axis``, -1 or -2."""
    item = storage_of(tensor.dtype, tensor.name).itemsize
    if axis == -1 or len(tensor.shape) == 1:
        width = tensor.shape[-1]
        count = int(np.prod(tensor.shape[:-1], dtype=np.int64))
        step = max(1, PANEL_BYTES // (width * item))
        for first in range(0, count, step):
            start = tensor.start + first * width * item
            yield Panel(start, min(step, count - first), width, width * item, True)
        return
    width, columns = tensor.shape[-2:]
    step = max(1, PANEL_BYTES // (width * item))
    for number in range(int(np.prod(tensor.shape[:-2], dtype=np.int64))):
        start = tensor.start + number * width * columns * item
        for first in range(0, columns, step):
            yield Panel(start + first * item, width, min(step, columns - first), columns * item, False)


def read_panel(file: RawIOBase, tensor: Stored, panel: Panel) -> Array:
    """The stored numbers ``[rows, columns]`` of a panel, from an unbuffered file.

    Raises:
        BadData: The file ends too early.
    """
    numbers = np.empty((panel.rows, panel.columns), dtype=storage_of(tensor.dtype, tensor.name))
    for offset, piece in _pieces(numbers, panel):
        file.seek(offset)
        while piece:
            count = file.readinto(piece)
            if not count:
                raise BadData(
                    f"{tensor.name} is cut off", where=str(tensor.file), hint="fetch or copy the model again"
                )
            piece = piece[count:]
    return numbers


def write_panel(file: RawIOBase, panel: Panel, numbers: Array) -> None:
    """Put the numbers of a panel back into an unbuffered file."""
    for offset, piece in _pieces(numbers, panel):
        file.seek(offset)
        while piece:
            piece = piece[file.write(piece) :]


def stream_vectors(numbers: Array, panel: Panel) -> Array:
    """A view ``[d, n]``: the vectors of the stream as columns."""
    return numbers.T if panel.stream_last else numbers


def _pieces(numbers: Array, panel: Panel) -> Iterator[tuple[int, memoryview]]:
    """The bytes of a panel that lie together in the file, with their offsets."""
    together = numbers[:1].nbytes == panel.stride or panel.rows == 1
    parts = numbers.reshape(1, -1) if together else numbers
    for row in range(len(parts)):
        yield panel.offset + row * panel.stride, memoryview(parts[row].view(np.uint8))
