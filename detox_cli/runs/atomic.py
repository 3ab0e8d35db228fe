"""Outputs that are there whole or not at all."""

import ctypes
import errno
import filecmp
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detox_cli.errors import BadSettings, DetoxError

PARTIAL = ".partial"
"""The suffix of what is being written; ``.NAME.TAG.partial`` beside ``NAME``."""

_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too big for this system",
}
_EXCHANGE = 2
_AT_FDCWD = -100


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; at the end its file takes the place of ``path`` in one step.

    Whatever happens, ``path`` is either as it was or the whole new file, also after a crash of the machine.
    A file in a place that may only be read is compared with the new one instead: it may be all there already.

    Raises:
        DetoxError: The place cannot be written to or is full; the unfinished file is removed.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    if path.is_file() and may_only_be_read(path):
        with write_errors(path), tempfile.TemporaryDirectory() as elsewhere:
            yield (temporary := Path(elsewhere, path.name))
            if not filecmp.cmp(temporary, path, shallow=False):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return
    with write_errors(path), _partial(path) as temporary:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


def may_only_be_read(path: Path) -> bool:
    """Whether nothing can be made at ``path``: its folder, or the nearest that is there, is closed."""
    return not os.access(next(folder for folder in path.absolute().parents if folder.exists()), os.W_OK)


@contextmanager
def atomic_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a new folder beside ``path`` to write into; at the end it takes the place of ``path``.

    An existing empty folder is replaced; one with content only with ``overwrite``, and then, on Linux, by
    exchanging the two names in one step. Elsewhere there is a moment without ``path``.

    Raises:
        BadSettings: ``path`` has content and ``overwrite`` is false; found before anything is written.
        DetoxError: The place cannot be written to or is full; the unfinished folder is removed.
    """
    path = Path(path)
    if not overwrite and (path.is_file() or (path.is_dir() and any(path.iterdir()))):
        raise BadSettings(
            "there is something already", where=str(path), hint="choose another output or add --overwrite"
        )
    with write_errors(path), _partial(path) as temporary:
        temporary.mkdir()
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _sync(Path(folder, name))
            _sync(Path(folder))
        _put_in_place(temporary, path)
        _sync(path.parent)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about writing to ``path`` into one sentence; other errors pass.

    Raises:
        DetoxError: The disk is full, or the place cannot be written to.
    """
    try:
        yield
    except DetoxError:
        raise
    except Exception as error:
        if trouble := disk_trouble(error):
            raise DetoxError(
                f"{trouble}; nothing was changed there",
                where=str(path),
                hint="free some space and run the same command again",
            ) from error
        if isinstance(error, OSError) and _concerns(error, path):
            raise DetoxError(
                f"cannot be written: {error.strerror}", where=str(path), hint="choose another output"
            ) from error
        raise


def disk_trouble(error: BaseException) -> str | None:
    """Say in words that an error means a full disk, whichever library reports it in its own type."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return _FULL[error.errno]
    text = str(error).lower()
    # safetensors and SQLite have no errno; Arrow and PyTorch put the system's words into the message.
    signs = ("no space left on device", "os error 28", "disk is full", "errno 28")
    # PyTorch's writer only counts that less was written than it meant to.
    short = "inline_container" in text and "unexpected pos" in text
    return _FULL[errno.ENOSPC] if short or any(sign in text for sign in signs) else None


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = path.with_name(f".{path.name}.{_MACHINE}-{os.getpid()}{PARTIAL}")
    _remove(temporary)
    try:
        yield temporary
    finally:
        _remove(temporary)


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error names the output or something beside it, not an input of the work inside."""
    if error.filename is None:
        return False
    named = Path(os.fsdecode(error.filename))
    return named == path or named in path.parents or any(part.endswith(PARTIAL) for part in named.parts)


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes of this machine left beside ``path``."""
    start = f".{path.name}.{_MACHINE}-"
    for entry in path.parent.iterdir():
        if entry.name.startswith(start) and entry.name.endswith(PARTIAL):
            owner = entry.name.removeprefix(start).removesuffix(PARTIAL)
            if owner.isdigit() and not _alive(int(owner)):
                _remove(entry)


def _alive(process: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end the process there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def _put_in_place(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
    elif not _exchange(new, path):
        old = new.with_name(new.name.removesuffix(PARTIAL) + ".old" + PARTIAL)
        path.rename(old)
        new.rename(path)
        _remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step where the system can (``renameat2`` of Linux)."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0)


def _sync(path: Path) -> None:
    """Make a file, or a folder's list of names, durable."""
    folder = path.is_dir()
    if folder and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not folder:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(handle)
