"""An error to be produced: what is done, in a folder of small files, and what the user has to read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detox_cli.errors import ExitCode


@dataclass(frozen=True)
class Case:
    """What is done, and what has to be read.

    Attributes:
        done: Words after ``detox``, or a call of the code below the commands.
        said: A part of the message.
        code: What the process leaves with.
        files: What lies in the folder where it is done.
    """

    done: str | Callable[[], object]
    said: str
    code: ExitCode = ExitCode.DATA
    files: Mapping[str, str | bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.said.replace(" ", "_")[:50]


def usage(done: str | Callable[[], object], said: str, **files: str | bytes) -> Case:
    """A case of bad usage or settings."""
    return Case(done, said, ExitCode.USAGE, files)


def written(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Put small files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
