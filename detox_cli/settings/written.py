"""Settings as TOML, so that what ``--print-config`` prints is a profile."""

import json
from collections.abc import Mapping
from typing import Any


def table(section: str, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """One table of a profile; each line says where its value comes from, ``None`` is a comment."""
    lines = [f"[{section}]"]
    for name, value in values.items():
        line = f"{name} = {literal(value)}  # {origins.get(name, 'default')}"
        lines.append(f"# {name} is not set" if value is None else line)
    return "\n".join(lines)


def literal(value: Any) -> str:
    """A TOML literal of a string, number, boolean, list or flat table.

    JSON's strings and numbers are TOML's, but for the character DEL and the words for infinity and NaN.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{literal(str(key))} = {literal(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return repr(value)
