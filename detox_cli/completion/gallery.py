"""The page ``docs/profiles.md``: every profile that ships, its source, its values, and how to run it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import PydanticUndefined

from detox_cli.settings.profiles import PACKAGE, Profile, read_profile
from detox_cli.settings.sections import section_model
from detox_cli.settings.written import literal

Tables = Mapping[str, Mapping[str, object]]
"""What profiles say, by section and key."""

FIRST = ("default", "offline", "offline-multilingual")
HEAD = """\
# Profiles

A profile is a TOML file with a table for each command; `--profile NAME` takes it, several times if need be,
and a flag overrules it. `detox profile list` names those that can be found, `detox profile show NAME`
prints one with all that it extends, `detox profile copy NAME` makes a copy to change, and `detox profile
check FILE` checks that. Yours are looked for in `./profiles` and in the user's folder of settings before
these.

Each table below has what the file says; *default* is what holds without the profile, and is empty where
that is the same. Remarks and sources are the file's own.
"""
HEADER = re.compile(r"\[([\w.]+)\]\s*(?:#\s*(.*))?$")
ASSIGNMENT = re.compile(r'(\w+)\s*=\s*((?:"(?:\\.|[^"\\])*"|[^"#])*?)\s*(?:#\s*(.*))?$')


@dataclass
class Part:
    """A table of a profile: rows of key, value as it is written, and why; and what is said of all of it."""

    section: str
    notes: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Told:
    """What a profile's file says: the lines about its source, and its tables."""

    source: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def gallery(folder: Path | None = None) -> str:
    """The page in Markdown, of the profiles that ship or of those in a folder."""
    paths = {path.stem: path for path in (folder or _shipped()).glob("*.toml")}
    names = [*(name for name in FIRST if name in paths), *sorted(paths.keys() - set(FIRST))]
    profiles = [read_profile(paths[name]) for name in names]
    lies_under = read_profile(_shipped() / "default.toml").tables
    listed = [f"| [{it.name}](#{it.name}) | {_cell(it.description)} |" for it in profiles]
    table = "\n".join(["| profile | what it is |", "| --- | --- |", *listed]) + "\n"
    page = "\n".join([HEAD, table, *(_section(it, lies_under) for it in profiles)])
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


def read_told(text: str) -> Told:
    """Take the comments of a profile apart: its source, remarks on tables, and those on keys."""
    told, pending = Told(), list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            pending.append(line.removeprefix("#").removeprefix(" "))
        elif line.lstrip().startswith("#") and told.parts:
            told.parts[-1].rows[-1][2] += " " + line.strip(" #")
        elif header := HEADER.match(line):
            said = pending if told.parts or told.source else []
            told.source += [] if said else pending
            told.parts.append(Part(header[1], [*said, *filter(None, [header[2]])]))
            pending = []
        elif (row := ASSIGNMENT.match(line)) and told.parts:
            told.parts[-1].rows.append([row[1], row[2], " ".join([*pending, row[3] or ""]).strip()])
            pending = []
        elif not line.strip() and pending:
            (told.parts[-1].notes if told.parts else told.source).extend([*pending, ""])
            pending = []
    (told.parts[-1].notes if told.parts else told.source).extend(pending)
    return told


def _shipped() -> Path:
    inside = PACKAGE / "profiles"
    return inside if inside.is_dir() else PACKAGE.parent / "profiles"


def _section(profile: Profile, lies_under: Tables) -> str:
    told = read_told(profile.path.read_text(encoding="utf-8"))
    above = [name for name in profile.extends if name != "default"]
    parts = [f"## {profile.name}", "", profile.description, "", *_text(told.source)]
    if above:
        links = ", ".join(f"[{name}](#{name})" for name in above)
        parts += [f"Everything that is not said here is as in {links}.", ""]
    for part in told.parts:
        parts += [f"**`[{part.section}]`**", "", *_text(part.notes), *_rows(profile, part, lies_under)]
    return "\n".join(parts)


def _rows(profile: Profile, part: Part, lies_under: Tables) -> Iterator[str]:
    if not part.rows:
        return
    fields = section_model(part.section).model_fields
    under = lies_under.get(part.section, {}) if profile.name != "default" else {}
    yield from ("| key | value | default | why |", "| --- | --- | --- | --- |")
    for key, value, why in part.rows:
        usual = under[key] if key in under else fields[key].get_default()
        given = profile.tables[part.section][key]
        yield f"| `{key}` | `{_cell(value)}` | {_cell(_beside(given, usual))} | {_cell(why)} |"
    yield ""


def _beside(given: object, usual: object) -> str:
    """A default, unless the profile says the same."""
    if usual is None or usual is PydanticUndefined:
        return "not set"
    return "" if given == (list(usual) if isinstance(usual, tuple) else usual) else f"`{literal(usual)}`"


def _text(lines: list[str]) -> Iterator[str]:
    """Lines of a comment as Markdown: what is indented is a block, of shell where it calls ``detox``."""
    indented = False
    for line in [*lines, ""]:
        if line.startswith("  ") != indented and (line.strip() or indented):
            if not indented:
                yield from ("", "```bash" if line.strip().startswith("detox ") else "```text")
            else:
                yield from ("```", "")
            indented = not indented
        yield line.removeprefix("  ") if indented else line


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
