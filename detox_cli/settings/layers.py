"""Where values come from, before they are checked: profiles, then the environment, then the command line."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from detox_cli.settings.base import Section
from detox_cli.settings.fields import cli_type, option_name
from detox_cli.settings.profiles import Profile


@dataclass(frozen=True)
class Value:
    """A value before it is checked; ``origin`` is short, ``place`` is where a person finds it."""

    raw: Any
    origin: str
    place: str


def layered(
    section: str, model: type[Section], stack: Sequence[Profile], given: Mapping[str, Any]
) -> dict[str, Value]:
    """For each key that something sets, the value of the strongest layer; unknown keys included."""
    values = {key: value for profile in stack for key, value in values_of_profile(profile, section).items()}
    return {**values, **_from_environment(section, model), **_from_command_line(model, given)}


def values_of_profile(profile: Profile, section: str) -> dict[str, Value]:
    """What one file says about a section."""
    return {
        key: Value(raw, f"profile {profile.name}", f"{profile.where(section, key)}: {key}")
        for key, raw in profile.tables.get(section, {}).items()
    }


def variable(section: str, key: str) -> str:
    """The environment variable of a setting, such as ``DETOX_TRAIN__BART__EPOCHS``."""
    return "DETOX_" + "__".join([*section.split("."), key]).upper()


def _from_environment(section: str, model: type[Section]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, field in model.model_fields.items():
        name = variable(section, key)
        if (text := os.environ.get(name)) is not None:
            values[key] = Value(_parse(text, field), name, name)
    return values


def _from_command_line(model: type[Section], given: Mapping[str, Any]) -> dict[str, Value]:
    fields = model.model_fields
    return {key: Value(raw, "command line", option_name(key, fields[key])) for key, raw in given.items()}


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
