"""A copy of a quantised checkpoint in plain numbers, which can be edited and loaded anywhere."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.models.checkpoint.copying import copy_file
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import STORED, encode
from detox_cli.models.checkpoint.quantised import Packed, idle_tensors, packed_weights
from detox_cli.models.sources import INDEX

PIECE = 16 << 20
NAMES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}


@dataclass(frozen=True)
class _Entry:
    """A tensor of a file to be written: copied, or decoded."""

    stored: Stored
    packed: Packed | None
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        if self.packed is None:
            return self.stored.size
        return int(np.prod(self.shape, dtype=np.int64)) * STORED[self.dtype].itemsize


def quantisation_of(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a configuration says about quantised weights."""
    inner = config.get("text_config") or {}
    found: Mapping[str, Any] | None = config.get("quantization_config") or inner.get("quantization_config")
    return found


def target_dtype(config: Mapping[str, Any]) -> str:
    """The number type that weights get: what the configuration names, bfloat16 if nothing."""
    return NAMES.get(str(config.get("dtype") or config.get("torch_dtype")), "BF16")


def dequantise(
    checkpoint: Checkpoint, folder: Path, done: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write a copy with plain weights into an existing, empty folder, some rows at a time.

    The weights get the number type that the configuration names, bfloat16 if none.

    Args:
        checkpoint: Opened with ``may_be_quantised``.
        folder: Where to write.
        done: Is told the name of every tensor that is finished.

    Returns:
        Files of the source folder that were left out: weights in other formats and hidden folders.

    Raises:
        BadData: The method cannot be undone here (MXFP4, GPTQ, AWQ and other packed ones).
    """
    config = dict(checkpoint.config)
    packed = packed_weights(checkpoint.tensors, quantisation_of(config) or {})
    dtype = target_dtype(config)
    dropped = {name for weight in packed.values() for name in weight.helpers} | idle_tensors(
        checkpoint.tensors
    )
    places: dict[str, str] = {}
    total = 0
    for file in checkpoint.files:
        here = [t for t in checkpoint.tensors.values() if t.file.name == file and t.name not in dropped]
        entries = [_entry(stored, packed.get(stored.name), dtype) for stored in here]
        _write_file(folder / file, entries, done)
        places |= {entry.stored.name: file for entry in entries}
        total += sum(entry.size for entry in entries)
    if checkpoint.sharded:
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    belonging, left_out = checkpoint.side_files()
    for path in belonging:
        copy_file(checkpoint.folder / path, folder / path)
    (folder / "config.json").write_text(json.dumps(_plain(config), indent=2) + "\n", encoding="utf-8")
    return left_out


def _entry(stored: Stored, packed: Packed | None, dtype: str) -> _Entry:
    if packed is None:
        return _Entry(stored, None, stored.dtype, stored.shape)
    return _Entry(stored, packed, dtype, packed.shape)


def _write_file(path: Path, entries: list[_Entry], done: Callable[[str], None]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for entry in entries:
        span = [end, end + entry.size]
        header[entry.stored.name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": span}
        end += entry.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for entry in entries:
            for piece in _pieces(entry):
                file.write(piece)
            done(entry.stored.name)


def _pieces(entry: _Entry) -> Iterator[bytes]:
    stored, packed = entry.stored, entry.packed
    if packed is None:
        with stored.file.open("rb") as file:
            file.seek(stored.start)
            for first in range(0, stored.size, PIECE):
                yield file.read(min(PIECE, stored.size - first))
        return
    count = int(np.prod(entry.shape[:-1], dtype=np.int64))
    step = max(1, PIECE // (4 * entry.shape[-1]))
    for first in range(0, count, step):
        rows = np.ascontiguousarray(packed.rows(first, min(first + step, count)), dtype=np.float32)
        yield encode(rows, entry.dtype).tobytes()


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without a word about quantisation."""
    plain = {key: value for key, value in config.items() if key != "quantization_config"}
    if isinstance(plain.get("text_config"), dict):
        inner = plain["text_config"]
        plain["text_config"] = {k: v for k, v in inner.items() if k != "quantization_config"}
    return plain
