"""Turn a settings class into command-line options, so that every option is declared once."""

import inspect
from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from detox_cli.settings.base import Flag, Section
from detox_cli.settings.fields import cli_type, flag_of, listed_words, option_name, ordered_fields
from detox_cli.settings.offers import OFFERS


def parameters_of(model: type[Section]) -> list[inspect.Parameter]:
    """One keyword parameter per field, ``None`` meaning that it was not typed."""
    return [_parameter(name, field) for name, field in ordered_fields(model)]


def typed_values(model: type[Section], values: dict[str, Any]) -> dict[str, Any]:
    """Of the parsed parameters, those that belong to ``model`` and were typed."""
    mine = {name: values.get(name) for name in model.model_fields}
    return {name: value for name, value in mine.items() if value is not None and value != []}


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    flag = flag_of(field)
    if not flag.words:
        flag = replace(flag, words=listed_words(field.annotation))
    kind = str if flag.commas else cli_type(field.annotation)
    if flag.positional:
        marker = typer.Argument(
            metavar=option_name(name, field),
            help=_help(field),
            show_default=False,
            rich_help_panel=flag.panel,
        )
    else:
        marker = typer.Option(
            *_names(name, field, kind),
            metavar=flag.metavar or _metavar(flag, kind),
            help=_help(field),
            show_default=False,
            rich_help_panel=flag.panel,
        )
    annotation = Annotated[kind | None, marker, flag]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _names(name: str, field: FieldInfo, kind: Any) -> list[str]:
    long = option_name(name, field)
    if kind is bool:
        long = f"{long}/--no-{long[2:]}"
    return [long, *flag_of(field).names]


def _metavar(flag: Flag, kind: Any) -> str | None:
    """``<model>`` says more than ``<str>``; ``...`` says that the option may be repeated."""
    several = get_origin(kind) is list
    word = OFFERS[flag.complete].kind if flag.complete else _word(get_args(kind)[0]) if several else None
    return f"<{word}>{'...' if several else ''}" if word else None


def _word(kind: Any) -> str:
    return "|".join(get_args(kind)) if get_origin(kind) is Literal else kind.__name__.lower()


def _help(field: FieldInfo) -> str:
    """The description, and the default where there is one worth reading."""
    if field.is_required():
        return f"{field.description}  [required]"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value in (None, "", (), []):
        return field.description or ""
    return f"{field.description}  [default: {_shown(value)}]"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return " ".join(map(_shown, value))
    return str(value.value if isinstance(value, Enum) else value)
