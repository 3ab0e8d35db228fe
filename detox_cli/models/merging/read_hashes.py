"""Hashes of weight files, taken while a merge has their numbers at hand: no file is read for its hash alone.

The hash of a file is the xxh3_128 of its header, as it lies there, followed by the xxh3_128 of every block of
every tensor, in the order of their bytes. Blocks are those of ``row_ranges``, so ``BLOCK`` belongs to the
definition. Like every hash that is not made to withstand an attacker, it tells any two files apart but those
that somebody made to be mistaken for each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import xxhash

from detox_cli.models.checkpoint.header import Stored, read_header
from detox_cli.models.merging.block import matrix_shape, rows_at_once

Raw = bytes | memoryview
"""Numbers as they are stored."""
DIGEST = 16
NAME = "xxh3_128_blocks"
"""What manifests call such a hash."""


def hash_blocks(path: str | Path) -> str:
    """The hash of a safetensors file, in hex, from the file alone.

    Raises:
        BadData: It is damaged.
    """
    return ReadHashes(read_header(Path(path)).values()).of_file(Path(path))


class ReadHashes:
    """The hashes of the blocks that were read so far; threads may note side by side."""

    def __init__(self, tensors: Iterable[Stored]) -> None:
        self._tensors = {tensor.name: _Tensor.of(tensor) for tensor in tensors}

    def note(self, tensor: str, first: int, last: int, raw: Raw) -> None:
        """Take the hash of rows ``first`` to ``last - 1`` as stored, if they are a block not yet seen."""
        self._tensors[tensor].note(first, last, raw)

    def of_file(self, path: Path) -> str:
        """The hash of a file in hex; what nobody has read of it is read now."""
        own = sorted(
            (t for t in self._tensors.values() if t.stored.file == path), key=lambda t: t.stored.start
        )
        with path.open("rb") as file:
            length = 8 + int.from_bytes(file.read(8), "little")
            file.seek(0)
            digest = xxhash.xxh3_128(file.read(length))
            for tensor in own:
                for first, last in tensor.unseen():
                    file.seek(tensor.stored.start + first * tensor.row_bytes)
                    tensor.note(first, last, file.read((last - first) * tensor.row_bytes))
                digest.update(tensor.digests)
        return digest.hexdigest()


@dataclass(frozen=True)
class _Tensor:
    """One tensor and the hashes of its blocks, ``DIGEST`` bytes each."""

    stored: Stored
    rows: int
    step: int
    row_bytes: int
    digests: bytearray
    seen: bytearray

    @classmethod
    def of(cls, stored: Stored) -> "_Tensor":
        rows, columns = matrix_shape(stored.shape)
        step = rows_at_once(columns)
        blocks = -(-rows // step)
        return cls(
            stored, rows, step, stored.size // max(1, rows), bytearray(DIGEST * blocks), bytearray(blocks)
        )

    def note(self, first: int, last: int, raw: Raw) -> None:
        number, off = divmod(first, self.step)
        if off or last != min(self.rows, first + self.step) or self.seen[number]:
            return
        self.digests[DIGEST * number : DIGEST * (number + 1)] = xxhash.xxh3_128_digest(raw)
        self.seen[number] = 1

    def unseen(self) -> list[tuple[int, int]]:
        """First and last (exclusive) rows of the blocks that nobody has read."""
        return [
            (first, min(self.rows, first + self.step))
            for number, first in enumerate(range(0, self.rows, self.step))
            if not self.seen[number]
        ]
