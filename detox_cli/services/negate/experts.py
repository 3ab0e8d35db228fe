"""Where the experts are: named one by one, or as one folder of parts."""

import re
from collections.abc import Sequence
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.adapters import CONFIG as ADAPTER
from detox_cli.settings.negate import NegateSettings

PART = re.compile(r"part-(\d+)")
MODEL = "config.json"


def experts_of(settings: NegateSettings) -> list[str]:
    """Every expert by name; a folder of parts stands for all of them, in their order.

    Raises:
        BadSettings: None is named.
        BadData: A part is missing or unfinished.
    """
    if not settings.expert:
        raise BadSettings("no expert is named", where="--expert", hint="give --expert DIR")
    return [name for given in settings.expert for name in _parts(given)]


def _parts(name: str) -> Sequence[str]:
    folder = Path(name).expanduser()
    if not folder.is_dir() or _is_model(folder):
        return [name]
    found = {int(m[1]): path for path in folder.iterdir() if (m := PART.fullmatch(path.name))}
    if not found:
        return [name]  # whoever opens it says what is wrong with it
    lacking = sorted(set(range(max(found) + 1)) - set(found))
    unfinished = [number for number, path in sorted(found.items()) if not _is_model(path)]
    if wrong := [*lacking, *unfinished]:
        hint = "let `detox train lm` finish, or name the parts one by one"
        raise BadData(f"part-{wrong[0]} is missing or unfinished", where=name, hint=hint)
    return [str(path) for _, path in sorted(found.items())]


def _is_model(folder: Path) -> bool:
    return (folder / MODEL).is_file() or (folder / ADAPTER).is_file()
