"""Settings that a command hands on to the section of another command, which takes part in its work."""

from collections.abc import Sequence
from typing import Any

from detox_cli.settings.base import Section


def lent(settings: Section, names: Sequence[str], **others: Any) -> dict[str, Any]:
    """What the other section is resolved with: what is said here takes the place of what its profile says.

    Args:
        settings: Of the command.
        names: Settings that both sections have; those that nobody has given are left to the other one.
        others: What the other section calls by its own name; left out if ``None``.
    """
    given = {name: getattr(settings, name) for name in names}
    said = {name: value for name, value in given.items() if value not in (None, ()) and value is not False}
    return said | {name: value for name, value in others.items() if value is not None}
