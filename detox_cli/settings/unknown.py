"""Names that nothing reads, in profiles and in the environment: a typo must not pass."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from detox_cli.settings.layers import variable
from detox_cli.settings.profiles import Profile
from detox_cli.settings.sections import SECTIONS, section_model

PLAIN_VARIABLES = ("DETOX_PROFILE", "DETOX_DEBUG", "DETOX_CACHE", "DETOX_DATA", "DETOX_API_KEY")
"""The variables that are not a setting of one command."""


def unknown_keys(stack: Sequence[Profile], only: str | None = None) -> Iterator[str]:
    """One line for each table, and for each key of the tables that are looked at, that nothing reads."""
    for profile in stack:
        for section, table in profile.tables.items():
            if section in SECTIONS and only in (None, section):
                yield from _unknown_in_table(profile, section, table)
            elif not section:
                words = ", ".join(table)
                yield f"{profile.where(section)}: {words} must stand in a table such as [generate]"
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
            known = [*PLAIN_VARIABLES, *(variable(other, key) for other in SECTIONS)]
        elif key not in section_model(section).model_fields:
            known = [variable(section, other) for other in section_model(section).model_fields]
        else:
            continue
        yield f"{name}: unknown environment variable{nearest(name, known)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """``, did you mean ...?`` if one of ``known`` is close to ``word``, else all of them if they are few."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known: {', '.join(names)})" if 0 < len(names) <= 8 else ""


def _unknown_in_table(profile: Profile, section: str, table: Mapping[str, Any]) -> Iterator[str]:
    fields = section_model(section).model_fields
    for key in table:
        if key not in fields:
            yield f"{profile.where(section, key)}: no setting {key!r} in [{section}]{nearest(key, fields)}"
