"""Copies of files that cost as little as the system allows."""

import errno
import os
import shutil
from pathlib import Path

PIECE = 256 << 20
UNSUPPORTED = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM})


def copy_file(source: Path, copy: Path, link: bool = False) -> None:
    """Copy a file (not its name, if that is a link) to a new place, whose folders are made.

    Where the file system can share blocks until they change, it does; bytes never pass through this process.

    Args:
        source: What to copy.
        copy: The new name.
        link: Make it another name of the same file, where both are on one file system.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    if link:
        try:
            os.link(source, copy)
            return
        except OSError as error:
            if error.errno not in UNSUPPORTED | {errno.EMLINK}:
                raise
    if not _copy_in_kernel(source, copy):
        shutil.copyfile(source, copy)


def _copy_in_kernel(source: Path, copy: Path) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    with source.open("rb") as old, copy.open("wb") as new:
        left = os.fstat(old.fileno()).st_size
        while left:
            try:
                count = os.copy_file_range(old.fileno(), new.fileno(), min(left, PIECE))
            except OSError as error:
                if error.errno in UNSUPPORTED:
                    return False
                raise
            if count == 0:
                return False
            left -= count
    return True


def copy_range(source: Path, start: int, copy: Path, place: int, size: int) -> None:
    """Copy ``size`` bytes of a file from ``start`` to ``place`` in another, a few megabytes at a time."""
    with source.open("rb") as old, copy.open("r+b") as new:
        old.seek(start)
        new.seek(place)
        while size > 0:
            piece = old.read(min(size, 16 << 20))
            new.write(piece)
            size -= len(piece)
