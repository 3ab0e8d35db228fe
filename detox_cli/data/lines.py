"""Text files as numbered lines: UTF-8 with or without a byte order mark, LF or CRLF, from a file or stdin."""

import difflib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from detox_cli.data.streams import STDIN, kept_stream
from detox_cli.errors import BadData

_BOM = b"\xef\xbb\xbf"


def numbered_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield ``(1-based number, line with its line end)``; ``-`` is stdin.

    Only LF ends a line, so separators that JSON allows inside a string do not.

    Raises:
        BadData: The file is missing, is a folder, cannot be read, or is not UTF-8 text (with its offset).
    """
    with _open_bytes(source) as file:
        yield from decoded_lines(file, shown_name(source))


def decoded_lines(file: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    """The same of an open file; ``name`` is for messages. Raises ``BadData`` where it is not UTF-8 text."""
    offset = 0
    for number, raw in enumerate(file, start=1):
        start = 3 if number == 1 and raw.startswith(_BOM) else 0
        yield number, _decode(raw[start:], offset + start, number, name)
        offset += len(raw)


def shown_name(source: str) -> str:
    """The name of a source in messages."""
    return "stdin" if source == STDIN else source


def missing_file(path: Path) -> BadData:
    """The error for a file that is not there, with the nearest name in its folder."""
    folder = path.parent
    if not folder.is_dir():
        return BadData(
            "there is no such file", where=str(path), hint=f"the folder {folder} does not exist either"
        )
    names = sorted(entry.name for entry in folder.iterdir())
    near = difflib.get_close_matches(path.name, names, n=1)
    hint = f"did you mean {folder / near[0]}?" if near else f"look at what is in {folder.resolve()}"
    return BadData("there is no such file", where=str(path), hint=hint)


@contextmanager
def _open_bytes(source: str) -> Iterator[BinaryIO]:
    if (kept := kept_stream(source)) is not None:
        yield kept
        return
    if source == STDIN:
        yield sys.stdin.buffer
        return
    path = Path(source)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise missing_file(path) from None
    except IsADirectoryError:
        raise BadData("is a folder, not a file", where=source, hint="name a file in it") from None
    except OSError as error:
        raise BadData(
            f"cannot be read: {error.strerror}", where=source, hint="check its permissions"
        ) from None
    with file:
        yield file


def _decode(raw: bytes, offset: int, number: int, name: str) -> str:
    if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadData("is UTF-16, not UTF-8", where=name, hint=f"convert it: iconv -f UTF-16 -t UTF-8 {name}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if 0 not in raw:
            raise BadData(
                f"is not UTF-8 text (byte offset {offset + error.start})",
                where=f"{name}:{number}",
                hint="convert it, for example: iconv -f WINDOWS-1252 -t UTF-8",
            ) from None
    else:
        if "\0" not in text:
            return text
    raise BadData(
        f"is a binary file, not text (NUL byte at offset {offset + raw.index(0)})",
        where=name,
        hint="give .csv, .tsv, .jsonl, .json, .txt or .parquet with the right suffix",
    )
