"""What ``detox profile`` answers: which profiles there are, what they say, whether they are right."""

from pathlib import Path

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.services.result import Result, Table
from detox_cli.settings.layers import values_of_profile
from detox_cli.settings.profiles import (
    find_launch,
    find_profile,
    known_profiles,
    load_profiles,
    read_profile,
    user_folder,
)
from detox_cli.settings.resolve import check
from detox_cli.settings.sections import SECTIONS, section_model
from detox_cli.settings.unknown import unknown_keys
from detox_cli.settings.written import table


class ProfileList(Result):
    """All profiles that can be named."""

    profiles: dict[str, Path]
    descriptions: dict[str, str]

    def tables(self) -> list[Table]:
        """Name, what it is for, and file."""
        rows = [[name, self.descriptions[name], str(path)] for name, path in self.profiles.items()]
        return [Table(title="profiles", columns=["name", "what it is for", "file"], rows=rows)]

    def headline(self) -> str:
        """The names, one per line."""
        return "\n".join(self.profiles)


class ProfileText(Result):
    """A profile with everything that it extends, as TOML."""

    text: str
    values: dict[str, dict[str, object]]

    def headline(self) -> str:
        """The TOML."""
        return self.text


class Checked(Result):
    """What is wrong with profiles: for each that was looked at, one line per problem."""

    problems: dict[str, list[str]]

    def tables(self) -> list[Table]:
        """One row per profile."""
        rows = [[name, f"{len(found)} problems" if found else "ok"] for name, found in self.problems.items()]
        return [Table(title="profiles", columns=["name", "verdict"], rows=rows)]

    def headline(self) -> str:
        """``ok`` or the names of the profiles that are not."""
        return " ".join(name for name, found in self.problems.items() if found) or "ok"

    def problem(self) -> DetoxError | None:
        """All problems as one error."""
        lines = dict.fromkeys(line for found in self.problems.values() for line in found)
        return BadSettings.several(list(lines)) if lines else None


def list_profiles() -> ProfileList:
    """Every profile, with the ``description`` that it gives of itself."""
    found = known_profiles()
    return ProfileList(profiles=found, descriptions={name: _describe(path) for name, path in found.items()})


def show_profile(name: str) -> ProfileText:
    """What ``name`` means after everything that it extends, each line with the file it comes from."""
    stack = load_profiles([name])
    values: dict[str, dict[str, object]] = {}
    tables: list[str] = []
    for section in dict.fromkeys(section for profile in stack for section in profile.tables):
        origins = {key: profile for profile in stack for key in profile.tables.get(section, {})}
        values[section] = {key: profile.tables[section][key] for key, profile in origins.items()}
        tables.append(table(section, values[section], {key: item.name for key, item in origins.items()}))
    return ProfileText(text="\n\n".join(tables), values=values)


def check_profiles(names: list[str]) -> Checked:
    """Check every table of every named profile, or of all profiles if none is named."""
    return Checked(problems={name: _problems_of(name) for name in names or known_profiles()})


def copy_profile(name: str, target: Path | None) -> Result:
    """Copy the file of ``name`` to ``target``, or into the user's own folder.

    A name that ends in ``.yaml`` is a configuration of ``accelerate launch``, which goes to where one is.

    Raises:
        BadSettings: There is no such profile, or ``target`` is there already.
    """
    launch = name.endswith(".yaml")
    source = find_launch(name) if launch else find_profile(name)
    target = target or (Path(source.name) if launch else user_folder() / "profiles" / source.name)
    target = target / source.name if target.is_dir() else target
    if target.exists():
        raise BadSettings("is there already", where=str(target), hint="name another file")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return Result(files=[target])


def _describe(path: Path) -> str:
    """One broken file must not hide the others."""
    try:
        return read_profile(path).description
    except BadSettings:
        return f"cannot be read, see `detox profile check {path.stem}`"


def _problems_of(name: str) -> list[str]:
    """One line for each unknown name and each invalid value of a profile and of what it extends."""
    try:
        stack = load_profiles([name])
    except BadSettings as error:
        return [str(error)]
    problems = list(unknown_keys(stack))
    for profile in stack:
        for section in profile.tables.keys() & SECTIONS.keys():
            model = section_model(section)
            values = values_of_profile(profile, section)
            known = {key: value for key, value in values.items() if key in model.model_fields}
            problems += check(section, model, known, complete=False)[1]
    return problems
