"""JSON: one object a line, or one array of objects."""

import json
from collections.abc import Iterator

from detox_cli.data.lines import numbered_lines
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData


def json_line_records(
    lines: Iterator[tuple[int, str]], name: str, rejects: Rejects
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield ``(where, values)`` for every line that is not blank; a line that is no object is rejected."""
    for number, line in lines:
        text = line.strip(" \t\r\n")
        if not text:
            continue
        where = f"{name}:{number}"
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            rejects.add(where, f"bad JSON: {_reason(error)}", text)
            continue
        if fault := _fault(value):
            rejects.add(where, fault, text)
        else:
            yield where, value


def json_file_records(source: str, name: str, rejects: Rejects) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the objects of a ``.json`` file: an array, or (as some data sets have it) one object a line.

    Raises:
        BadData: The array itself is malformed.
    """
    lines = numbered_lines(source)
    before: list[tuple[int, str]] = []
    for number, line in lines:
        before.append((number, line))
        if line.strip():
            break
    rest = _chain(before, lines)
    if before and before[-1][1].lstrip().startswith("["):
        yield from _array_records("".join(line for _, line in rest), name, rejects)
    else:
        yield from json_line_records(rest, name, rejects)


def _chain(first: list[tuple[int, str]], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield from first
    yield from rest


def _array_records(text: str, name: str, rejects: Rejects) -> Iterator[tuple[str, dict[str, object]]]:
    """Walk the array element by element, so that every element knows its line."""
    position, line, counted = text.index("[") + 1, 1, 0
    position = _skip_space(text, position)
    while text[position : position + 1] != "]":
        line += text.count("\n", counted, position)
        counted = position
        where = f"{name}:{line}"
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            place = f"{name}:{error.lineno}" if isinstance(error, json.JSONDecodeError) else where
            raise BadData(f"bad JSON: {_reason(error)}", where=place, hint="correct the file there") from None
        if fault := _fault(value):
            rejects.add(where, fault, value)
        else:
            yield where, value
        position = _next_element(text, position, name)
    rest = _skip_space(text, position + 1)
    if rest < len(text):
        line = text.count("\n", 0, rest) + 1
        raise BadData("bad JSON: something follows the array", where=f"{name}:{line}", hint="remove it")


def _next_element(text: str, position: int, name: str) -> int:
    """Step over a comma to the next element, or stop on the closing bracket."""
    position = _skip_space(text, position)
    mark = text[position : position + 1]
    after = _skip_space(text, position + 1)
    if mark == "]":
        return position
    if mark == "," and text[after : after + 1] not in ("]", ""):
        return after
    line = text.count("\n", 0, position) + 1
    what = "the array is not closed" if not mark else "a comma or a closing bracket is expected"
    raise BadData(f"bad JSON: {what}", where=f"{name}:{line}", hint="correct the file there")


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n") and position < len(text):
        position += 1
    return position


def _fault(value: object) -> str | None:
    """Why a JSON value cannot be a row, if it cannot."""
    if not isinstance(value, dict):
        return "not a JSON object"
    if not _encodable(value):
        return "half of a surrogate pair: it is no text"
    return None


def _encodable(value: object) -> bool:
    """Whether all strings inside can be written as UTF-8; ``"\\ud800"`` is legal JSON but no character."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return all(_encodable(key) and _encodable(inner) for key, inner in value.items())
    return all(map(_encodable, value)) if isinstance(value, list) else True


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (column {error.colno})"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _constant(name: str) -> None:
    """Data frames write a missing value as NaN, which is no JSON; infinities have no such excuse."""
    if name != "NaN":
        raise ValueError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that gives one key two values; the decoder alone would keep the last."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values


_DECODER = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_object)
