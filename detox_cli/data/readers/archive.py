"""Members of a zip file, also of one with a password: what is sealed stays sealed on the disk."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from detox_cli.data.lines import missing_file
from detox_cli.errors import BadData, BadSettings

LARGEST_MEMBER = 1_000_000_000
"""Bytes: a member is held in memory, and what a small file can unpack to has no bound."""
HINT = "give --password, or the environment of the command, such as DETOX_EVAL__GENERATION__PASSWORD"


def members(path: Path, password: str | None) -> Iterator[tuple[str, io.BytesIO]]:
    """Yield the name and content of every file in the archive, sorted by name.

    Raises:
        BadSettings: It is sealed, and the password is missing or wrong.
        BadData: It is no zip file, or is damaged.
    """
    if not path.exists():
        raise missing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in sorted(archive.infolist(), key=lambda item: item.filename):
                if not entry.is_dir():
                    yield entry.filename, io.BytesIO(_content(archive, entry, path, password))
    except PermissionError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, IndexError, NotImplementedError):
        # A name that is no UTF-8 is a ValueError, an empty one an IndexError, an unknown version the last.
        raise BadData("is no zip file, or is damaged", where=str(path), hint="fetch it again") from None


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, password: str | None) -> bytes:
    if entry.flag_bits & 1 and not password:
        raise BadSettings("this zip file has a password", where=str(path), hint=HINT)
    if entry.file_size > LARGEST_MEMBER:
        message = f"{entry.filename} in this zip file unpacks to {entry.file_size / 1e9:.1f} GB"
        hint = "no prompt set is that large; if it is meant so, unpack it and name the file"
        raise BadData(message, where=str(path), hint=hint)
    try:
        return archive.read(entry, pwd=password.encode() if password else None)
    except NotImplementedError:
        hint = "unpack it with another program and name the folder"
        raise BadData(
            "this zip file is encrypted in a way that cannot be read here", where=str(path), hint=hint
        ) from None
    except RuntimeError:  # what zipfile raises for a wrong password
        raise BadSettings("the password of this zip file is another", where=str(path), hint=HINT) from None
