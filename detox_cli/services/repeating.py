"""The command that makes an output again, for its card."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import BaseModel


def command_again(
    words: Sequence[str],
    settings: BaseModel,
    leave_out: Collection[str],
    files: Collection[str],
    output: Path,
) -> str:
    """A command with every option that is not at its default, wherever it was given.

    Args:
        words: The command and what needs no option.
        settings: Its settings; options are called as their fields.
        leave_out: Fields that only concern the machine that it ran on, or are among ``words``.
        files: Fields that hold files or folders, which are named without their place.
        output: Where it wrote.
    """
    found = list(words)
    for name, value in settings.model_dump(
        mode="json", exclude_defaults=True, exclude=set(leave_out)
    ).items():
        option = name.replace("_", "-")
        if any(getattr(one, "commas", False) for one in type(settings).model_fields[name].metadata):
            value = ",".join(map(str, value))
        if isinstance(value, bool):
            found.append(f"--{option}" if value else f"--no-{option}")
            continue
        for item in value if isinstance(value, list) else [value]:
            found += [f"--{option}", without_place(str(item)) if name in files else str(item)]
    return shlex.join([*found, "-o", output.name])


def without_place(name: str) -> str:
    """A file or folder of this machine by its own name alone; anything else, such as a Hub id, as it is."""
    path = Path(name)
    return path.name if path.is_absolute() or path.exists() else name
