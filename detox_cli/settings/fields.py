"""How a field of a settings class is written as text: its name for users, its type for the command line."""

from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from detox_cli.settings.base import Flag

TEXT_FIRST = (str, float, int)
"""Of a union, text is read as the first of these; pydantic then decides what it means."""


def flag_of(field: FieldInfo) -> Flag:
    """How a field wants to appear on the command line."""
    return next((item for item in field.metadata if isinstance(item, Flag)), Flag())


def ordered_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields as a user reads them: arguments, then options, then those of each panel.

    Inherited fields come first in the class, and last here, because they are what commands share.
    """
    return sorted(model.model_fields.items(), key=lambda item: _rank(flag_of(item[1])))


def _rank(flag: Flag) -> int:
    return 0 if flag.positional else 1 if flag.panel is None else 2


def option_name(name: str, field: FieldInfo) -> str:
    """What a user calls the field on the command line: ``--batch-size``, or ``INPUT``."""
    flag = flag_of(field)
    if flag.positional:
        return flag.metavar or name.upper()
    return f"--{name.replace('_', '-')}"


def cli_type(annotation: Any) -> Any:
    """The type that the command line reads for a field's type.

    Raises:
        TypeError: The type has no form on a command line; keep such a field out of the settings.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return cli_type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _one_of([cli_type(item) for item in get_args(annotation) if item is not NoneType])
    if origin in (tuple, list, frozenset):
        item = cli_type(get_args(annotation)[0])
        # Typer has no lists of choices; pydantic checks the words.
        return list[str if get_origin(item) is Literal else item]  # type: ignore[misc]
    known = isinstance(annotation, type) and issubclass(annotation, (str, int, float, bool, Path, Enum))
    if origin is Literal or known:
        return annotation
    raise TypeError(f"no command-line form for {annotation!r}")


def listed_words(annotation: Any) -> tuple[str, ...]:
    """The words that a list may hold, of a field whose type is a list of a few; of any other none."""
    if get_origin(annotation) is Annotated:
        return listed_words(get_args(annotation)[0])
    if get_origin(annotation) not in (tuple, list, frozenset):
        return ()
    item = get_args(annotation)[0]
    return tuple(map(str, get_args(item))) if get_origin(item) is Literal else ()


def _one_of(kinds: list[Any]) -> Any:
    return kinds[0] if len(kinds) == 1 else next(kind for kind in TEXT_FIRST if kind in kinds or kind is str)
