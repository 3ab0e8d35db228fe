"""Hidden states on the disk, in half the bytes of single precision.

Some dimensions of a residual stream lie thousands of their standard deviations from 0, where half precision
has no digits left for what varies. What is kept is therefore ``(state - offset) / scale``, with an offset and
a scale for each dimension, from a sample of the texts, at the head of the file.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import DetoxError
from detox_cli.runs.atomic import write_errors

Floats32 = NDArray[np.float32]
Kept = Literal["float16", "float32"]
LEAST_SCALE = 1e-6
"""Of the largest number of a dimension: what varies by less is beyond single precision as well."""


@dataclass(frozen=True)
class States:
    """A file of hidden states, ``[texts, width]``, as float32 for who reads it.

    Attributes:
        path: The file.
        texts: How many rows it has.
        width: The size of each.
        kept: ``float16`` with offset and scale, or ``float32`` as they are.
    """

    path: Path
    texts: int
    width: int
    kept: Kept

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._head + self.texts * self.width * np.dtype(self.kept).itemsize

    def __len__(self) -> int:
        return self.texts

    def __getitem__(self, rows: Any) -> Floats32:
        """Some rows, by place or mask, in single precision."""
        found = np.asarray(self._numbers[rows], np.float32)
        if self.kept == "float16":
            offset, scale = self._header
            found = found * scale + offset
        return np.asarray(found, np.float32)

    def make(self) -> None:
        """Take the room of the file now, not when the disk is full.

        Raises:
            DetoxError: There is none.
        """
        with write_errors(self.path), self.path.open("a+b") as file:
            with suppress(AttributeError):
                os.posix_fallocate(file.fileno(), 0, self.size)
            file.truncate(self.size)

    def begin(self, sample: Floats32) -> None:
        """Choose offset and scale of every dimension by some of the states, ``[n, width]``."""
        if self.kept == "float16":
            spread, largest = sample.std(0, dtype=np.float64), np.abs(sample).max(0)
            scale = np.maximum(spread, LEAST_SCALE * largest)
            self._header[:] = sample.mean(0, dtype=np.float64), np.where(scale > 0, scale, 1)

    def write(self, rows: Sequence[int], states: Floats32) -> None:
        """Put states ``[n, width]`` in their rows.

        Raises:
            DetoxError: One is farther away than half precision can tell.
        """
        if self.kept == "float16":
            offset, scale = self._header
            states = (states - offset) / scale
            if (farthest := float(np.abs(states).max())) > np.finfo(np.float16).max:
                raise DetoxError(
                    f"a hidden state is {farthest:.0f} times the usual spread of its dimension away",
                    where=str(self.path),
                    hint="keep them in single precision: --features-dtype float32",
                )
        self._numbers[rows] = states

    def flush(self) -> None:
        """Have everything on the disk."""
        self._numbers.flush()

    @property
    def _head(self) -> int:
        return 2 * self.width * 4 if self.kept == "float16" else 0

    @cached_property
    def _header(self) -> Any:
        """Offset and scale, ``[2, width]``."""
        return np.memmap(self.path, np.float32, self._mode, shape=(2, self.width))

    @cached_property
    def _numbers(self) -> Any:
        shape = (self.texts, self.width)
        return np.memmap(self.path, np.dtype(self.kept), self._mode, offset=self._head, shape=shape)

    @property
    def _mode(self) -> Literal["r", "r+"]:
        return "r+" if os.access(self.path, os.W_OK) else "r"
