"""The frame that a model reads a text in, such as ``Detoxify text for {lang}: {text}``."""

import string
from collections.abc import Mapping

from detox_cli.errors import BadSettings

TEXT = "text"
"""The field that stands for the text itself, whatever its column is called."""

HINT = "write it like 'Detoxify text for {lang}: {text}'; a brace of the text itself is doubled"


def template_columns(template: str, where: str = "--template") -> list[str]:
    """The columns that a template names, ``{text}`` left out.

    Raises:
        BadSettings: It has no ``{text}``, or something in braces that is not the name of a column.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise BadSettings(f"the template cannot be read: {error}", where=where, hint=HINT) from None
    names = [name for _, name, _, _ in parts if name is not None]
    plain = all(not form and not conversion for _, name, form, conversion in parts if name is not None)
    if not plain or not all(name.isidentifier() for name in names):
        raise BadSettings("braces of a template hold names of columns only", where=where, hint=HINT)
    if names.count(TEXT) != 1:
        raise BadSettings("a template needs {text} once", where=where, hint=HINT)
    return list(dict.fromkeys(name for name in names if name != TEXT))


def framed(template: str, text: str, values: Mapping[str, object]) -> str:
    """``template`` with ``text`` and the row's values in place of the names in braces.

    Raises:
        KeyError: A column has no value in this row; its argument is the column.
    """
    fields = {}
    for name in template_columns(template):
        value = values.get(name)
        if value is None or str(value).strip() == "":
            raise KeyError(name)
        fields[name] = str(value)
    return template.format(**fields, **{TEXT: text})
