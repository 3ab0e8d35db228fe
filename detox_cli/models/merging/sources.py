"""Where the numbers of a model come from, some rows of a tensor at a time."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import decode, storage_of
from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.read_hashes import ReadHashes

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

        Whether they are finite is for the caller to see.

        Raises:
            BadData: They are cut off, or not of a type that can be counted with.
        """


class StoredWeights:
    """The weights of a checkpoint; its files are read where they lie, by any number of threads.

    Args:
        checkpoint: The files.
        name: As the user named the model.
        hashed: Whether ``hashes`` takes the hash of everything that is read.
    """

    def __init__(self, checkpoint: Checkpoint, name: str, hashed: bool = False) -> None:
        self.name = name
        self.checkpoint = checkpoint
        self.tensors = checkpoint.tensors
        self.shapes = {name: tensor.shape for name, tensor in checkpoint.tensors.items()}
        self.types = {name: tensor.dtype for name, tensor in checkpoint.tensors.items()}
        self.hashes = ReadHashes(checkpoint.tensors.values()) if hashed else None
        self._handles: dict[Path, int] = {}
        self._places: dict[str, _Place] = {}
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
        self._places.clear()

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """As ``Weights`` says; numbers stored as float64 lose what float32 cannot hold."""
        place = self._places.get(tensor) or self._find(tensor)
        raw = np.empty((last - first, place.columns), dtype=place.storage)
        start = place.start + first * place.columns * place.storage.itemsize
        if os.preadv(place.handle, [raw.data], start) != raw.nbytes:
            self._read_on(place, raw, start, tensor)
        if self.hashes is not None:
            self.hashes.note(tensor, first, last, raw.data)
        return raw if place.dtype == "F32" else decode(raw, place.dtype).astype(np.float32, copy=False)

    def _read_on(self, place: "_Place", raw: np.ndarray, start: int, tensor: str) -> None:
        """Read piece by piece what did not come in one."""
        left = raw.view(np.uint8).reshape(-1).data
        while left:
            count = os.preadv(place.handle, [left], start)
            if not count:
                raise BadData(
                    f"{tensor} is cut off",
                    where=str(self.tensors[tensor].file),
                    hint="fetch or copy the model again",
                )
            left, start = left[count:], start + count

    def _find(self, tensor: str) -> "_Place":
        stored = self.tensors[tensor]
        with self._opening:
            if stored.file not in self._handles:
                self._handles[stored.file] = os.open(stored.file, os.O_RDONLY)
            _, columns = matrix_shape(stored.shape)
            storage = storage_of(stored.dtype, stored.name)
            place = _Place(self._handles[stored.file], stored.start, columns, storage, stored.dtype)
            self._places[tensor] = place
            return place


class _Place(NamedTuple):
    """Where a tensor lies, ready to be read."""

    handle: int
    start: int
    columns: int
    storage: np.dtype[Any]
    dtype: str
