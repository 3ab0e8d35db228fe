"""stdin and pipes of the shell, kept where they are read twice: for their hash, then for their rows."""

import hashlib
import shutil
import sys
import tempfile
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO, TextIO

STDIN = "-"
_KEPT: dict[tuple[str, TextIO], BufferedRandom] = {}
"""By source and by what stdin was when it was read."""


def is_stream(source: str) -> bool:
    """Whether a source can be read only once: ``-``, a named pipe, ``<(...)``."""
    path = Path(source)
    return source == STDIN or path.is_fifo() or path.is_char_device()


def hash_stream(source: str) -> str:
    """The sha256 of a stream, in hex; from here on it is read from a temporary file, as often as needed.

    Raises:
        OSError: A pipe cannot be opened.
    """
    key = (source, sys.stdin)
    if key not in _KEPT:
        # It has no name, so that nothing stays whatever ends the process.
        kept = tempfile.TemporaryFile()  # noqa: SIM115
        if source == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, kept)
        else:
            with Path(source).open("rb") as file:
                shutil.copyfileobj(file, kept)
        _KEPT[key] = kept
    _KEPT[key].seek(0)
    return hashlib.file_digest(_KEPT[key], "sha256").hexdigest()


def kept_stream(source: str) -> BinaryIO | None:
    """What was kept of a stream, from its beginning, and not to be closed; ``None`` if it was not hashed."""
    kept = _KEPT.get((source, sys.stdin))
    if kept is not None:
        kept.seek(0)
    return kept
