"""Scores that need not be computed again, shared by all runs of a user."""

import hashlib
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from detox_cli.errors import DetoxError
from detox_cli.runs.atomic import disk_trouble
from detox_cli.runs.folders import cache_folder

T = TypeVar("T")
_AT_ONCE = 500  # SQLite allows at least 999 parameters in a statement
_PATIENCE = 120.0  # seconds to wait for another process that writes
_TABLE = """
CREATE TABLE IF NOT EXISTS scores (
    scorer BLOB NOT NULL, item BLOB NOT NULL, score REAL NOT NULL, PRIMARY KEY (scorer, item)
) WITHOUT ROWID
"""


class ScoreCache:
    """Scores by (identity of the scorer, sha256 of the scored text) in an SQLite file.

    Any number of processes and threads may use one file at a time (write-ahead log; on a local disk). Texts
    are not stored. Losing a put in a crash of the machine is possible and harmless; losing the file's
    consistency is not.

    Args:
        path: The file; by default ``scores-v1.sqlite3`` in the cache folder.
        on_warning: Told in one sentence when a damaged file is moved aside, or when there is no room or no
            right to write; work then goes on, in the second case without a cache. Without it both are errors.
    """

    def __init__(
        self, path: str | Path | None = None, on_warning: Callable[[str], None] | None = None
    ) -> None:
        self.path = Path(path) if path is not None else cache_folder() / "scores-v1.sqlite3"
        self._on_warning = on_warning
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._given_up = False
        self._inode: int | None = None

    def get(self, identity: str, keys: Iterable[str]) -> dict[str, float]:
        """The known scores among ``keys`` (texts, or any strings that stand for what is scored).

        Raises:
            DetoxError: The file is damaged or cannot be used; the message says what to do.
        """
        by_hash = {_hash(key): key for key in keys}
        found = self._use(lambda connection: _select(connection, _hash(identity), list(by_hash)))
        return {by_hash[item]: score for item, score in found or ()}

    def put(self, identity: str, scores: Mapping[str, float]) -> None:
        """Remember ``scores`` by key, in one transaction; known ones are replaced.

        Raises:
            ValueError: A score is not a finite number.
            DetoxError: As for ``get``.
        """
        scorer = _hash(identity)
        rows = [(scorer, _hash(key), _finite(score)) for key, score in scores.items()]
        if rows:
            self._use(lambda connection: _insert(connection, rows))

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            # A connection must not be used on the other side of a fork, not even to close it.
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """The result of ``work``, or ``None`` if the cache is of no use and a warning has said so."""
        with self._lock:
            if self._given_up:
                return None
            try:
                return work(self._connected())
            except sqlite3.OperationalError as error:
                self._give_up(error)
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                self._put_aside(error)
                return work(self._connected())
            return None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            self._inode = _inode(self.path)  # known even if connecting fails
            self._connection, self._process = _connect(self.path), os.getpid()
            self._inode = _inode(self.path)
        return self._connection

    def _give_up(self, error: sqlite3.OperationalError) -> None:
        message = f"the score cache cannot be used: {disk_trouble(error) or error}"
        hint = "free some space, or set DETOX_CACHE to a folder on another local disk"
        if self._on_warning is None:
            raise DetoxError(message, where=str(self.path), hint=hint) from error
        self._given_up = True
        self._on_warning(f"{message} ({self.path}); scores are not remembered. To have them, {hint}")

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        """Rename the damaged file, unless another process has done it already."""
        message = f"the score cache is damaged ({error})"
        if self._on_warning is None:
            raise DetoxError(
                message, where=str(self.path), hint="delete that file: its scores are made again"
            )
        self.close()
        with FileLock(f"{self.path}.lock", timeout=_PATIENCE):
            if _inode(self.path) != self._inode:
                return
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            for ending in ("-wal", "-shm"):  # the log of the damaged file must not meet the new one
                Path(f"{self.path}{ending}").unlink(missing_ok=True)
            self.path.rename(aside)
        self._on_warning(f"{message}: it is now {aside}, and a new one is begun")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(f"its folder cannot be made: {error.strerror}") from error
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _retried(lambda: connection.execute("PRAGMA journal_mode=WAL"))
        # Safe against a kill; a crash of the machine may lose the last puts but not the file.
        connection.execute("PRAGMA synchronous=NORMAL")
        _retried(lambda: connection.execute(_TABLE))
    except BaseException:
        connection.close()
        raise
    return connection


def _retried(action: Callable[[], object]) -> None:
    """Turning on the log is refused at once, without waiting, while another process does it too."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _select(connection: sqlite3.Connection, scorer: bytes, items: list[bytes]) -> list[tuple[bytes, float]]:
    found: list[tuple[bytes, float]] = []
    for start in range(0, len(items), _AT_ONCE):
        some = items[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        query = f"SELECT item, score FROM scores WHERE scorer = ? AND item IN ({marks})"
        found += connection.execute(query, (scorer, *some)).fetchall()
    return found


def _insert(connection: sqlite3.Connection, rows: list[tuple[bytes, bytes, float]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _finite(score: float) -> float:
    if not math.isfinite(score):
        raise ValueError(f"a score must be a finite number, not {score}")
    return float(score)
