"""Files that are given with a name of their own: ``NAME=FILE``."""

from pathlib import Path


def named_file(text: str) -> tuple[str | None, str]:
    """The name, if ``text`` gives one, and the file.

    What is before the first ``=`` is a name, unless it looks like a part of a path, or ``text`` as a whole is
    a file that is there.
    """
    name, equals, file = text.partition("=")
    if not equals or not name or not file or "/" in name or Path(text).exists():
        return None, text
    return name, file
