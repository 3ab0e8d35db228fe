"""Where every tensor of a merged model will lie: files of a stated size, their headers and the index."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detox_cli.models.checkpoint.folder import SINGLE
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import storage_of
from detox_cli.models.sources import INDEX

ALIGNMENT = 8


@dataclass(frozen=True)
class Shard:
    """One file to be: its name, its header with the length in front, and its tensors."""

    name: str
    header: bytes
    tensors: tuple[Stored, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        last = self.tensors[-1]
        return last.start + last.size


def lay_out(
    tensors: Sequence[tuple[str, str, tuple[int, ...]]], folder: Path, largest: int
) -> tuple[Shard, ...]:
    """Share tensors out to files of at most ``largest`` bytes, in their order.

    Args:
        tensors: Name, stored type and shape.
        folder: Where the files will be.
        largest: Bytes of the tensors in one file; a larger tensor has a file of its own.
    """
    groups: list[list[tuple[str, str, tuple[int, ...]]]] = [[]]
    room = largest
    for tensor in tensors:
        size = _size(tensor)
        if groups[-1] and size > room:
            groups.append([])
            room = largest
        groups[-1].append(tensor)
        room -= size
    count = len(groups)
    names = [SINGLE] if count == 1 else [_numbered(i, count) for i in range(1, count + 1)]
    return tuple(_shard(name, group, folder) for name, group in zip(names, groups, strict=True))


def index_of(shards: Sequence[Shard]) -> Mapping[str, object]:
    """What the index file says: which file holds which tensor."""
    size = sum(tensor.size for shard in shards for tensor in shard.tensors)
    places = {tensor.name: shard.name for shard in shards for tensor in shard.tensors}
    return {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))}


def write_index(shards: Sequence[Shard], folder: Path) -> None:
    """Write the index, where there is more than one file."""
    if len(shards) > 1:
        text = json.dumps(index_of(shards), indent=2) + "\n"
        (folder / INDEX).write_text(text, encoding="utf-8")


def _shard(name: str, group: list[tuple[str, str, tuple[int, ...]]], folder: Path) -> Shard:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor, dtype, shape in group:
        size = _size((tensor, dtype, shape))
        entries[tensor] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    header = len(text).to_bytes(8, "little") + text
    placed, start = [], len(header)
    for tensor, dtype, shape in group:
        size = _size((tensor, dtype, shape))
        placed.append(Stored(tensor, folder / name, dtype, shape, start, size))
        start += size
    return Shard(name, header, tuple(placed))


def _size(tensor: tuple[str, str, tuple[int, ...]]) -> int:
    name, dtype, shape = tensor
    return int(np.prod(shape, dtype=np.int64)) * storage_of(dtype, name).itemsize


def _numbered(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors"
