"""Rows that cannot be used: counted, written down with a reason, or fatal."""

import errno
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.atomic import may_only_be_read, write_errors


class Rejects:
    """Collects the rows that a reader or a service cannot use.

    Args:
        path: A JSONL file for them, ``{"where", "reason", "raw"}`` a line, written as they come; made
            only when there is a first one; a list left by an earlier run is removed. ``None`` only counts.
            In a place that may only be read the list stays, and has to begin with the same rows.
        strict: Makes the first one an error instead.
    """

    def __init__(self, path: Path | None = None, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.by_reason: Counter[str] = Counter()
        self._file: IO[str] | None = None
        self._old = _old_list(path) if path is not None and path.exists() else None
        self._standing: Iterator[bytes] | None = None
        if path is not None and self._old is not None:
            if may_only_be_read(path):
                self._standing = iter(self._old.splitlines(keepends=True))
            else:
                path.unlink()

    @property
    def count(self) -> int:
        """How many rows have been rejected."""
        return self.by_reason.total()

    def add(self, where: str, reason: str, raw: object) -> None:
        """Write down one row; ``reason`` says what is wrong without quoting the row.

        Raises:
            BadData: In strict mode, naming the row.
        """
        if self.strict:
            raise BadData(
                reason, where=where, hint="correct the row, or leave out --strict to go on without it"
            )
        self.by_reason[reason] += 1
        if self.path is not None:
            with write_errors(self.path):
                self._write(self.path, {"where": where, "reason": reason, "raw": raw})

    def _write(self, path: Path, record: dict[str, object]) -> None:
        line = json.dumps(record, ensure_ascii=False, default=str) + "\n"
        if self._standing is not None:
            if next(self._standing, b"") != line.encode("utf-8", "backslashreplace"):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Line by line: a killed run leaves the list as far as it came.
            self._file = path.open("w", encoding="utf-8", buffering=1, errors="backslashreplace")
        self._file.write(line)

    def restore(self) -> None:
        """Put back the list of the earlier run: its output stays, and so do the rows it could not use."""
        self.close()
        if self.path is not None and self._old is not None and self._standing is None:
            self.path.write_bytes(self._old)

    def close(self) -> None:
        """Close the list."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _old_list(path: Path) -> bytes:
    """An earlier list of rejects; nothing else that happens to have its name."""
    old = path.read_bytes()
    if old and not old.startswith(b'{"where": '):
        raise BadSettings(
            "is there already and is no list of rejected rows",
            where=str(path),
            hint="move it away, or choose another output",
        )
    return old
