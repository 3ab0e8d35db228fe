"""Rows that cannot be used: counted, written down with a reason, or fatal."""

import errno
import json
import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.runs.atomic import may_only_be_read, write_errors


class Rejects:
    """Collects the rows that a reader or a service cannot use.

    A list that an earlier run has left stays as long as the same rows come again: a command that is refused,
    that finds its output finished, or that is stopped meanwhile takes nothing from it. In a place that may
    only be read no other rows may come.

    Args:
        path: A JSONL file for them, ``{"where", "reason", "raw"}`` a line, written as they come; made
            only when there is a first one, and removed if there is none at the end. ``None`` only counts.
        strict: Makes the first one an error instead.
    """

    def __init__(self, path: Path | None = None, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.by_reason: Counter[str] = Counter()
        self._file: IO[bytes] | None = None
        self._old = _old_list(path) if path is not None and path.exists() else []
        self._same = 0

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
        written = line.encode("utf-8", "backslashreplace")
        if self._file is None and self._old[self._same : self._same + 1] == [written]:
            self._same += 1
            return
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._after_the_same(path)
        self._file.write(written)

    def _after_the_same(self, path: Path) -> IO[bytes]:
        """The list, without the rows that have not come again; each row is on the disk at once."""
        if path.exists() and may_only_be_read(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        file = path.open("r+b" if path.exists() else "wb", buffering=0)
        file.seek(sum(map(len, self._old[: self._same])))
        file.truncate()
        return file

    def restore(self) -> None:
        """Leave the list of the earlier run: its output stays, and so do the rows it could not use."""
        if self.path is not None and self._file is not None:
            self.close()
            self.path.write_bytes(b"".join(self._old))
        self._same = len(self._old)

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
        done = kind is None or (issubclass(kind, DetoxError) and self._same > 0)
        if self.path is not None and self._file is None and done and self._same < len(self._old):
            with write_errors(self.path):
                self._after_the_same(self.path).close()
            if not self._same:
                self.path.unlink()
        self.close()


def _old_list(path: Path) -> list[bytes]:
    """The lines of an earlier list of rejects; nothing else that happens to have its name."""
    old = path.read_bytes()
    if old and not old.startswith(b'{"where": '):
        raise BadSettings(
            "is there already and is no list of rejected rows",
            where=str(path),
            hint="move it away, or choose another output",
        )
    return old.splitlines(keepends=True)
