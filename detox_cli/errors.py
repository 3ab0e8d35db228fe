"""What can go wrong in a way that a user can act on, and how it leaves the process."""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of ``detox``, the only place that names them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DATA = 3
    MISSING = 4
    QUALITY = 5
    INTERRUPTED = 130
    UNREAD = 141


LONGEST = 1000
"""Characters of a message; the file, the option or the name that it shows may be of any length."""


class DetoxError(Exception):
    """Something the user can fix.

    Args:
        message: One sentence: what is wrong.
        where: The place, such as ``pairs.csv:12``, a row id or a flag.
        hint: What to do about it, with the command or flag to use.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(_one_line(f"{where}: {message}" if where else message))
        self.where = where
        self.hint = hint


def _one_line(text: str) -> str:
    """Without breaks of lines, and cut where a value that is shown would fill the screen."""
    text = " ".join(text.splitlines())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"


class BadSettings(DetoxError):
    """A value from the command line, the environment or a profile is not valid."""

    exit_code = ExitCode.USAGE

    @classmethod
    def several(cls, problems: Sequence[str], *, hint: str | None = None) -> "BadSettings":
        """All that is wrong at once, a line each."""
        found = cls(problems[0], hint=hint)
        found.args = ("\n".join(map(_one_line, problems)),)
        return found


class BadData(DetoxError):
    """An input file, a column or a row cannot be used."""

    exit_code = ExitCode.DATA


class Missing(DetoxError):
    """A model, an extra or a service that was asked for is not there."""

    exit_code = ExitCode.MISSING


class QualityLimit(DetoxError):
    """A quality limit that the user asked for is not met."""

    exit_code = ExitCode.QUALITY


class Interrupted(DetoxError):
    """Stopped on the user's wish, between two steps; the same command continues the work."""

    exit_code = ExitCode.INTERRUPTED
