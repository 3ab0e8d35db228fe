"""The words of a rule."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from detox_cli.errors import BadSettings

FLAG = "--where"
WORDS = {"and", "or", "not", "in", "is", "null", "true", "false"}
SPELLINGS = {"=": "==", "<>": "!="}
_PATTERN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | `(?P<quoted>[^`]+)`
      | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
      | (?P<sign><=|>=|==|!=|<>|[<>=(),+-])
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One word of a rule, where it stands, and its kind: number, text, name, sign, word or end."""

    kind: str
    value: str
    place: int


def tokens(rule: str) -> Iterator[Token]:
    """The words of ``rule``, then an end.

    Raises:
        BadSettings: There is something that no rule can have.
    """
    place = 0
    while rule[place:].strip():
        found = _PATTERN.match(rule, place)
        if found is None:
            start = place + len(rule[place:]) - len(rule[place:].lstrip())
            hint = "columns with other signs in their names stand in backticks, texts in quotes"
            raise BadSettings(f"cannot be read from {rule[start:]!r} on", where=f"{FLAG} {rule}", hint=hint)
        yield _token(found)
        place = found.end()
    yield Token("end", "", len(rule))


def _token(found: re.Match[str]) -> Token:
    kind, place = str(found.lastgroup), found.start(str(found.lastgroup))
    value = found.group(kind)
    if kind == "quoted":
        return Token("name", value, place)
    if kind == "name" and value.lower() in WORDS:
        return Token("word", value.lower(), place)
    if kind == "text":
        mark = value[0]
        value = value[1:-1].replace(2 * mark, mark)
    return Token(kind, SPELLINGS.get(value, value) if kind == "sign" else value, place)
