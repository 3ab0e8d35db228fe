"""Where values come from, before they are checked: profiles, then the environment, then the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from detox_cli.settings.base import Section
from detox_cli.settings.fields import option_name
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
    found = _Variables(section, model)()
    return {key: Value(raw, name := variable(section, key), name) for key, raw in found.items()}


def _from_command_line(model: type[Section], given: Mapping[str, Any]) -> dict[str, Value]:
    fields = model.model_fields
    return {key: Value(raw, "command line", option_name(key, fields[key])) for key, raw in given.items()}


class _Variables(EnvSettingsSource):
    """The environment's values for one section; a list is written as JSON or with commas."""

    def __init__(self, section: str, model: type[Section]) -> None:
        settings = type(model.__name__, (model, BaseSettings), {})
        super().__init__(settings, env_prefix=variable(section, ""))

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list of texts; one that is not valid JSON stays as it is, to be refused with its place."""
        if not value.lstrip().startswith("["):
            return [item.strip() for item in value.split(",") if item.strip()]
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
