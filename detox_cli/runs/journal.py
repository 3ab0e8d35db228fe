"""The log of finished work from which a killed run goes on."""

import json
import os
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.runs.atomic import disk_trouble, write_errors

FORMAT = 2
_AGAIN = "add --overwrite to start anew"
_SUM = re.compile(rb',?"#":"([0-9a-f]{8})"\}\n$')


class Journal:
    """An append-only file of JSON records behind a header with the fingerprint of the run.

    Every record is handed to the system in one write before ``append`` returns, so killing the process loses
    at most the record being written. ``fsync`` follows at most every ``sync_seconds`` and on ``close``, so a
    crash of the machine loses no more than the last ``sync_seconds`` of records.

    Each record ends with its CRC-32 under the key ``#``: a bit that a disk has lost is seen, and not written
    into an output. Opening an existing journal cuts off a torn last line. One process at a time may hold it:
    see ``lock``.

    Args:
        path: The file; its folder is made.
        fingerprint: Whatever decides the records: settings, inputs, models (see ``manifest.fingerprint``).
        sync_seconds: The longest time for which a record may be in the system's memory only.

    Raises:
        BadSettings: The journal belongs to a run with another fingerprint.
        BadData: A record is damaged, or the file is no journal.
    """

    def __init__(self, path: str | Path, fingerprint: str, *, sync_seconds: float = 1.0) -> None:
        self.path = Path(path)
        self._sync_seconds = sync_seconds
        header = _line({"journal": FORMAT, "fingerprint": fingerprint})
        with write_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._end, self._count = _inspect(self.path, header)
        self._synced = time.monotonic()
        with write_errors(self.path):
            self.path.touch()
            self._file = self.path.open("r+b", buffering=0)
        try:
            self._file.truncate(self._end)
            if self._end == 0:
                self._write(header)
                self.sync()
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        """How many records there are."""
        return self._count

    def append(self, record: Mapping[str, object]) -> None:
        """Add one record.

        Raises:
            DetoxError: The disk is full; the journal keeps all earlier records and can be continued.
        """
        self._write(_sealed(record))
        self._count += 1
        if time.monotonic() - self._synced >= self._sync_seconds:
            self.sync()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all records, those of earlier runs first, reading them from the file."""
        with self.path.open("rb") as file:
            file.readline()
            while file.tell() < self._end:
                yield parse_json(_unsealed(file.readline()))

    def sync(self) -> None:
        """Wait until all records are on the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close; a second time does nothing."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        try:
            self._file.seek(self._end)
            rest = memoryview(line)
            while rest:  # the system may take a line in parts when the disk is nearly full
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self._end)
            trouble = disk_trouble(error) or f"cannot be written: {error.strerror}"
            hint = "make room and run the same command again: it goes on from here"
            raise DetoxError(trouble, where=str(self.path), hint=hint) from error
        self._end += len(line)


def _line(record: Mapping[str, object]) -> bytes:
    return (json.dumps(record, separators=(",", ":")) + "\n").encode()


def _sealed(record: Mapping[str, object]) -> bytes:
    body = json.dumps(record, separators=(",", ":"))
    comma = "," if record else ""
    return f'{body[:-1]}{comma}"#":"{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def _unsealed(line: bytes) -> bytes:
    """The record without its sum.

    Raises:
        ValueError: There is no sum, or it is that of another record.
    """
    if (found := _SUM.search(line)) is None:
        raise ValueError("no sum")
    body = line[: found.start()] + b"}"
    if zlib.crc32(body) != int(found[1], 16):
        raise ValueError("another sum")
    return body


def _inspect(path: Path, header: bytes) -> tuple[int, int]:
    """Where the last whole record ends (0: not even the header), and how many records there are."""
    if not path.exists():
        return 0, 0
    with path.open("rb") as file:
        first = file.readline()
        if first != header:
            if header.startswith(first):  # killed while it wrote the header, or before
                return 0, 0
            raise _not_ours(path, first)
        end, count = len(first), 0
        for number, line in enumerate(file, start=2):
            if not line.endswith(b"\n"):
                break
            _check(line, path, number)
            end, count = end + len(line), count + 1
    return end, count


def _check(line: bytes, path: Path, number: int) -> None:
    try:
        if isinstance(parse_json(_unsealed(line)), dict):
            return
    except ValueError:
        pass
    hint = f"remove that line to have its work done again, or {_AGAIN}"
    raise BadData("this record of the journal is damaged", where=f"{path}:{number}", hint=hint)


def _not_ours(path: Path, first: bytes) -> DetoxError:
    try:
        header = parse_json(first)
        known = header["journal"] == FORMAT and "fingerprint" in header
    except (ValueError, TypeError, KeyError):
        return BadData(
            "this is no journal of an earlier run", where=str(path), hint="move it away, or " + _AGAIN
        )
    if not known:
        message = f"the journal has format {header['journal']!r}, and this version writes {FORMAT}"
        return BadSettings(message, where=str(path), hint=_AGAIN)
    return BadSettings(
        "an unfinished run with other settings, inputs or models is there",
        where=str(path),
        hint=f"repeat its command to finish it, choose another output, or {_AGAIN}",
    )
