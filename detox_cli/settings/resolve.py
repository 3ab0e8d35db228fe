"""One value per setting: command line over environment over profiles over defaults."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined, to_jsonable_python

from detox_cli.errors import BadSettings
from detox_cli.settings.base import Section
from detox_cli.settings.fields import option_name, ordered_fields
from detox_cli.settings.layers import Value, layered
from detox_cli.settings.profiles import load_profiles
from detox_cli.settings.unknown import unknown_keys, unknown_variables
from detox_cli.settings.written import table

S = TypeVar("S", bound=Section)

BASE_PROFILE = "default"
"""The profile that lies under all others."""


def resolve(section: str, model: type[S], given: Mapping[str, Any], profiles: Sequence[str] = ()) -> S:
    """The settings of one section, with ``given`` (from the command line) on top.

    Without ``profiles``, those that ``DETOX_PROFILE`` names count.

    Raises:
        BadSettings: Something is unknown or invalid; one line for each thing that is.
    """
    values, problems = _collect(section, model, given, profiles)
    settings, invalid = check(section, model, values)
    if settings is None or problems:
        raise _bad(section, [*problems, *invalid])
    return settings


def describe(
    section: str, model: type[Section], given: Mapping[str, Any], profiles: Sequence[str] = ()
) -> str:
    """The same as a table of a profile that gives these settings, each line with its origin.

    What a command needs but nobody gave is a comment, so that this answers before a command can run.

    Raises:
        BadSettings: Something is unknown or invalid.
    """
    values, problems = _collect(section, model, given, profiles)
    settings, invalid = check(section, model, values, complete=False)
    if problems or invalid:
        raise _bad(section, [*problems, *invalid])
    shown = settings.model_dump(mode="json") if settings else _unfinished(model, values)
    shown = {name: shown[name] for name, _ in ordered_fields(model)}
    return table(section, shown, {key: value.origin for key, value in values.items()})


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


def _collect(
    section: str, model: type[Section], given: Mapping[str, Any], profiles: Sequence[str]
) -> tuple[dict[str, Value], list[str]]:
    """The values of all layers under names that exist, and one line for each name that does not."""
    stack = load_profiles([BASE_PROFILE, *(profiles or _chosen_profiles())])
    problems = [*unknown_keys(stack, only=section), *unknown_variables(os.environ)]
    values = layered(section, model, stack, given)
    return {name: value for name, value in values.items() if name in model.model_fields}, problems


def _chosen_profiles() -> list[str]:
    """The profiles that the environment names, separated by commas."""
    return [name.strip() for name in os.environ.get("DETOX_PROFILE", "").split(",") if name.strip()]


def _bad(section: str, problems: Sequence[str]) -> BadSettings:
    return BadSettings.several(
        problems, hint=f"see `detox {section.replace('.', ' ').replace('_', '-')} --help`"
    )


def _explain(section: str, model: type[Section], values: Mapping[str, Value], item: ErrorDetails) -> str:
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


def _unfinished(model: type[Section], values: Mapping[str, Value]) -> dict[str, Any]:
    """What is known of settings that lack something: given values, then defaults, then nothing."""
    shown: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = values[name].raw if name in values else None if default is PydanticUndefined else default
        shown[name] = to_jsonable_python(value)
    return shown
