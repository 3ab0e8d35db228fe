"""One value per setting: command line over environment over profiles over defaults."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic, TypeVar, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from detox_cli.errors import BadSettings
from detox_cli.settings.base import Section
from detox_cli.settings.fields import cli_type, option_name
from detox_cli.settings.profiles import Profile, load_profiles
from detox_cli.settings.sections import SECTIONS, section_model

S = TypeVar("S", bound=Section)
BASE_PROFILE = "default"
PLAIN_VARIABLES = ("DETOX_PROFILE", "DETOX_DEBUG", "DETOX_CACHE", "DETOX_DATA")
"""The variables that are not a setting of one command."""


@dataclass(frozen=True)
class Value:
    """A value before it is checked; ``origin`` is short, ``place`` is where a person finds it."""

    raw: Any
    origin: str
    place: str


@dataclass(frozen=True)
class Resolved(Generic[S]):
    """Checked settings, with the origin of every value that is not a default."""

    section: str
    settings: S
    origins: Mapping[str, str]

    def as_toml(self) -> str:
        """A profile that gives these settings, each line saying where its value came from."""
        dumped = self.settings.model_dump(mode="json")
        lines = [f"[{self.section}]"]
        for name, value in dumped.items():
            origin = self.origins.get(name, "default")
            lines.append(f"# {name} is not set" if value is None else f"{name} = {toml(value)}  # {origin}")
        return "\n".join(lines)


def resolve(
    section: str, model: type[S], given: Mapping[str, Any], profiles: Sequence[str] = ()
) -> Resolved[S]:
    """The settings of one section, with ``given`` (from the command line) on top.

    Raises:
        BadSettings: Something is unknown or invalid; one line for each thing that is.
    """
    stack = load_profiles([BASE_PROFILE, *(profiles or chosen_profiles())])
    problems = [*unknown_keys(stack, only=section), *unknown_variables(os.environ)]
    values = {
        **_from_profiles(stack, section),
        **_from_environment(section, model),
        **_from_command_line(model, given),
    }
    known = {name: value for name, value in values.items() if name in model.model_fields}
    settings, invalid = check(section, model, known)
    if settings is None or problems:
        raise BadSettings(
            "\n".join([*problems, *invalid]), hint="run with --print-config to see where values come from"
        )
    return Resolved(section, settings, {name: value.origin for name, value in known.items()})


def chosen_profiles() -> list[str]:
    """The profiles that the environment names, separated by commas."""
    return [name.strip() for name in os.environ.get("DETOX_PROFILE", "").split(",") if name.strip()]


def check(
    section: str, model: type[S], values: Mapping[str, Value], complete: bool = True
) -> tuple[S | None, list[str]]:
    """The checked settings, or one line for each value that is not valid.

    Without ``complete``, values that must be given are allowed to be missing, as they are in a profile.
    """
    try:
        return model(**{name: value.raw for name, value in values.items()}), []
    except ValidationError as error:
        found = [item for item in error.errors(include_url=False) if complete or item["type"] != "missing"]
        return None, [_explain(section, model, values, item) for item in found]


def unknown_keys(stack: Sequence[Profile], only: str | None = None) -> Iterator[str]:
    """One line for each table, and for each key of the tables that are looked at, that nothing reads."""
    for profile in stack:
        for section, table in profile.tables.items():
            if section in SECTIONS and only in (None, section):
                yield from _unknown_in_table(profile, section, table)
            elif not section:
                yield f"{profile.where(section)}: {', '.join(table)} must stand in a table such as [generate]"
            elif section not in SECTIONS:
                yield f"{profile.where(section)}: unknown table [{section}]{nearest(section, SECTIONS)}"


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """One line for each ``DETOX_`` variable that nothing reads."""
    for name in sorted(environment):
        if not name.startswith("DETOX_") or name in PLAIN_VARIABLES:
            continue
        *path, key = name.removeprefix("DETOX_").lower().split("__")
        section = ".".join(path)
        if section not in SECTIONS:
            variables = [*PLAIN_VARIABLES, *(variable(known, key.upper()) for known in SECTIONS)]
            yield f"{name}: unknown environment variable{nearest(name, variables)}"
        elif key not in (fields := section_model(section).model_fields):
            variables = [variable(section, known) for known in fields]
            yield f"{name}: unknown environment variable{nearest(name, variables)}"


def variable(section: str, key: str) -> str:
    """The environment variable of a setting, such as ``DETOX_TRAIN__BART__EPOCHS``."""
    return "DETOX_" + "__".join([*section.split("."), key]).upper()


def nearest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """``, did you mean ...?`` if one of ``known`` is close to ``word``, else all of them if they are few."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known: {', '.join(known)})" if 0 < len(known) <= 8 else ""


def toml(value: Any) -> str:
    """A TOML literal of a string, number, boolean, list or flat table."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(str(key))} = {toml(item)}" for key, item in value.items()) + " }"
    return repr(value)


def _unknown_in_table(profile: Profile, section: str, table: Mapping[str, Any]) -> Iterator[str]:
    fields = section_model(section).model_fields
    for key in table:
        if key not in fields:
            yield f"{profile.where(section, key)}: no setting {key!r} in [{section}]{nearest(key, fields)}"


def _from_profiles(stack: Sequence[Profile], section: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for profile in stack:
        for key, raw in profile.tables.get(section, {}).items():
            values[key] = Value(raw, f"profile {profile.name}", f"{profile.where(section, key)}: {key}")
    return values


def _from_environment(section: str, model: type[Section]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, field in model.model_fields.items():
        name = variable(section, key)
        if (text := os.environ.get(name)) is not None:
            values[key] = Value(_parse(text, field), name, name)
    return values


def _from_command_line(model: type[Section], given: Mapping[str, Any]) -> dict[str, Value]:
    return {
        key: Value(raw, "command line", option_name(key, model.model_fields[key]))
        for key, raw in given.items()
    }


def _parse(text: str, field: FieldInfo) -> Any:
    """A list is written as JSON or with commas; pydantic reads everything else from the text itself."""
    if get_origin(cli_type(field.annotation)) is not list:
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return [item.strip() for item in text.split(",") if item.strip()]


def _explain(section: str, model: type[Section], values: Mapping[str, Value], item: Any) -> str:
    """One line: the place, what is wrong there, and what was found."""
    key = str(item["loc"][0]) if item["loc"] else ""
    if item["type"] == "missing":
        name = option_name(key, model.model_fields[key])
        return f"{name}: missing; give it, or set {key!r} in [{section}] of a profile"
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if key not in values:
        return f"[{section}] {key}: {message}" if key else f"[{section}]: {message}"
    return f"{values[key].place}: {message} (found {values[key].raw!r})"
