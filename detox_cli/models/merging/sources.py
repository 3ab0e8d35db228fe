"""Where the numbers of a model come from, some rows of a tensor at a time."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import decode, storage_of
from detox_cli.models.merging.block import Numbers, matrix_shape

Shape = tuple[int, ...]


class Weights(Protocol):
    """A model to merge."""

    @property
    def name(self) -> str:
        """As the user named it."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor."""

    @property
    def types(self) -> Mapping[str, str]:
        """The stored type of every tensor, as the format names it."""

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """Rows ``first`` to ``last - 1`` of a tensor seen as ``[rows, columns]``, a new array.

        Raises:
            BadData: They are not finite, cut off, or not of a type that can be counted with.
        """


class StoredWeights:
    """The weights of a checkpoint; its files are read where they lie, by any number of threads."""

    def __init__(self, checkpoint: Checkpoint, name: str) -> None:
        self.name = name
        self.checkpoint = checkpoint
        self.tensors = checkpoint.tensors
        self.shapes = {name: tensor.shape for name, tensor in checkpoint.tensors.items()}
        self.types = {name: tensor.dtype for name, tensor in checkpoint.tensors.items()}
        self._handles: dict[Path, int] = {}
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """As ``Weights`` says; numbers stored as float64 lose what float32 cannot hold."""
        stored = self.tensors[tensor]
        raw = self._read(stored, first, last)
        numbers = raw if stored.dtype == "F32" else decode(raw, stored.dtype).astype(np.float32, copy=False)
        # A sum is finite only if all are, or if it overflows, which the second look tells apart.
        if not np.isfinite(np.einsum("ij->", numbers)) and not np.isfinite(numbers).all():
            raise BadData(f"{tensor} holds numbers that are not finite", where=str(stored.file))
        return numbers

    def _read(self, stored: Stored, first: int, last: int) -> np.ndarray:
        storage = storage_of(stored.dtype, stored.name)
        _, columns = matrix_shape(stored.shape)
        raw = np.empty((last - first, columns), dtype=storage)
        left = raw.view(np.uint8).reshape(-1).data
        place = stored.start + first * columns * storage.itemsize
        handle = self._handle(stored.file)
        while left:
            count = os.preadv(handle, [left], place)
            if not count:
                raise BadData(f"{stored.name} is cut off", where=str(stored.file))
            left, place = left[count:], place + count
        return raw

    def _handle(self, file: Path) -> int:
        with self._opening:
            if file not in self._handles:
                self._handles[file] = os.open(file, os.O_RDONLY)
            return self._handles[file]
