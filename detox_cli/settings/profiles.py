"""Profiles: TOML files with one table per command, found by name and stacked by ``extends``."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detox_cli.errors import BadSettings

PACKAGE = Path(__file__).resolve().parents[1]
WORDS = ("extends", "description")
"""The keys at the top of a profile that are not tables."""


@dataclass(frozen=True)
class Profile:
    """One file: ``tables`` maps a section such as ``train.bart`` to its keys and values."""

    name: str
    path: Path
    tables: Mapping[str, Mapping[str, Any]]
    extends: tuple[str, ...] = ()
    description: str = ""
    lines: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def where(self, section: str, key: str = "") -> str:
        """The place of a table or a key, as ``profiles/fast.toml:12``."""
        line = self.lines.get((section, key)) or self.lines.get((section, ""))
        return f"{self.path}:{line}" if line else str(self.path)


def user_folder() -> Path:
    """The user's own folder of settings, on every system where that system keeps such things."""
    import typer

    return Path(typer.get_app_dir("detox"))


def folders() -> list[Path]:
    """Where names of profiles are looked up, first match first."""
    packaged = PACKAGE / "profiles"
    return [
        Path("profiles"),
        user_folder() / "profiles",
        packaged if packaged.is_dir() else PACKAGE.parent / "profiles",
    ]


def find_profile(name: str, besides: Sequence[Path] = ()) -> Path:
    """The file of the profile ``name``, which is a name or a path to a TOML file.

    A file in ``besides`` does not count, so that a profile can extend one of its own name that lies further
    down the search path.

    Raises:
        BadSettings: No folder has it; the message lists where it was looked for.
    """
    if name.endswith(".toml") or os.sep in name:
        candidates = [Path(name)]
    else:
        candidates = [folder / f"{name}.toml" for folder in folders()]
    taken = {path.resolve() for path in besides}
    for path in candidates:
        if path.is_file() and path.resolve() not in taken:
            return path
    looked = ", ".join(str(path.parent) for path in candidates)
    raise BadSettings(
        f"there is no profile {name!r} (looked in {looked})",
        hint=f"known profiles: {', '.join(sorted(known_profiles())) or 'none'}; see `detox profile list`",
    )


def find_launch(name: str) -> Path:
    """The configuration of ``accelerate launch`` that is called ``name``, such as ``fsdp.yaml``.

    Raises:
        BadSettings: No folder has it; the message names those that there are.
    """
    found = {path.name: path for folder in reversed(folders()) for path in folder.glob("accelerate/*.yaml")}
    if name not in found:
        hint = f"there are {', '.join(sorted(found))}"
        raise BadSettings(f"no configuration {name!r}", where="NAME", hint=hint)
    return found[name]


def known_profiles() -> dict[str, Path]:
    """Every profile that can be named, with the file that the name means."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(filter(Path.is_file, folder.glob("*.toml"))):
            found.setdefault(path.stem, path)
    return found


def read_profile(path: Path) -> Profile:
    """Read one file without following ``extends``.

    Raises:
        BadSettings: The file cannot be read or is not TOML, or ``extends`` is not a name or a list of names.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise BadSettings(
            f"cannot read the profile: {error.strerror}", where=str(path), hint="check its permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"not a TOML file: {error}",
            where=str(path),
            hint="correct it there; `detox profile show default` prints one that is right",
        ) from error
    extends = content.pop("extends", [])
    names = [extends] if isinstance(extends, str) else extends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadSettings(
            "`extends` must be a profile's name or a list of names",
            where=str(path),
            hint='write extends = "offline"',
        )
    description = str(content.pop("description", ""))
    tables = dict(_tables(content))
    return Profile(path.stem, path, tables, tuple(names), description, _line_numbers(text))


def load_profiles(names: Sequence[str]) -> list[Profile]:
    """The named profiles and all that they extend, weakest first; a file that comes twice counts once.

    Raises:
        BadSettings: One is missing or malformed.
    """
    stack: list[Profile] = []
    for name in names:
        for profile in _with_parents(name, ()):
            if profile.path.resolve() not in {known.path.resolve() for known in stack}:
                stack.append(profile)
    return stack


def _with_parents(name: str, children: tuple[Path, ...]) -> Iterator[Profile]:
    profile = read_profile(find_profile(name, children))
    for parent in profile.extends:
        yield from _with_parents(parent, (*children, profile.path))
    yield profile


def _tables(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Flatten nested tables to ``section -> values``; a value outside any table belongs to section ``""``."""
    values = {key: value for key, value in content.items() if not isinstance(value, dict)}
    children = {key: value for key, value in content.items() if isinstance(value, dict)}
    if values or (prefix and not children):
        yield prefix, values
    for key, value in children.items():
        yield from _tables(value, f"{prefix}.{key}" if prefix else key)


def _line_numbers(text: str) -> dict[tuple[str, str], int]:
    """Where each table and key stands, for files written in the usual way, one key per line."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line):
            section = re.sub(r"[\s\"']", "", header[1])
            found.setdefault((section, ""), number)
        elif key := re.match(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=", line):
            found.setdefault((section, key[1]), number)
    return found
