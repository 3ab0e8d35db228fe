"""The parts of a rule, each of which can say what it comes to for a row.

Logic is that of SQL, with three values: what is compared with null is neither true nor false but unknown
(``None``); ``false and unknown`` is false, ``true or unknown`` is true, and all else with unknown is unknown.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Protocol

Values = Mapping[str, object]
Plain = str | float | bool | None
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


class Unfit(Exception):
    """A value that a rule cannot be applied to, such as a word that is compared with a number."""


class Node(Protocol):
    """A part of a rule."""

    def value(self, row: Values) -> Plain:
        """What it comes to. Raises ``Unfit``."""
        ...

    def columns(self) -> Iterator[str]:
        """The columns that it names."""
        ...


@dataclass(frozen=True)
class Literal:
    """A number, a text, true, false or null."""

    said: Plain

    def value(self, row: Values) -> Plain:
        """Itself."""
        return self.said

    def columns(self) -> Iterator[str]:
        """None."""
        yield from ()


@dataclass(frozen=True)
class Column:
    """What a row has in a column, or with dots deeper inside; null where it has nothing."""

    name: str

    def value(self, row: Values) -> Plain:
        """The row's value; a text that is empty, as in a table's empty cell, is null."""
        found: object = row.get(self.name)
        if found is None and self.name not in row:
            found = row
            for part in self.name.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        if found is None or found == "" or (isinstance(found, float) and isnan(found)):
            return None
        if isinstance(found, bool | str):
            return found
        if isinstance(found, int | float):
            return float(found)
        raise Unfit(f"column {self.name!r} holds neither text nor number but {type(found).__name__}")

    def columns(self) -> Iterator[str]:
        """Its own."""
        yield self.name


@dataclass(frozen=True)
class Sum:
    """The sum of two numbers, or their difference."""

    left: Node
    right: Node
    sign: int

    def value(self, row: Values) -> Plain:
        """A number, or null if one of them is."""
        left, right = (_number(side.value(row), self) for side in (self.left, self.right))
        return None if left is None or right is None else left + self.sign * right

    def columns(self) -> Iterator[str]:
        """Those of both."""
        yield from self.left.columns()
        yield from self.right.columns()


@dataclass(frozen=True)
class Comparison:
    """Two values side by side."""

    left: Node
    sign: str
    right: Node

    def value(self, row: Values) -> bool | None:
        """Whether it holds; unknown where one of them is null."""
        left, right = _alike(self.left.value(row), self.right.value(row), self)
        return None if left is None or right is None else COMPARE[self.sign](left, right)

    def columns(self) -> Iterator[str]:
        """Those of both."""
        yield from self.left.columns()
        yield from self.right.columns()


@dataclass(frozen=True)
class IsNull:
    """Whether there is nothing."""

    inner: Node

    def value(self, row: Values) -> bool:
        """Always known."""
        return self.inner.value(row) is None

    def columns(self) -> Iterator[str]:
        """Those of what is looked at."""
        yield from self.inner.columns()


@dataclass(frozen=True)
class Not:
    """The opposite."""

    inner: Node

    def value(self, row: Values) -> bool | None:
        """Unknown stays unknown."""
        found = truth(self.inner.value(row), self)
        return None if found is None else not found

    def columns(self) -> Iterator[str]:
        """Those of what is turned."""
        yield from self.inner.columns()


@dataclass(frozen=True)
class Joined:
    """Several conditions: all of them (``every``), or one at least."""

    parts: tuple[Node, ...]
    every: bool

    def value(self, row: Values) -> bool | None:
        """As in SQL: what decides counts, whatever is unknown beside it."""
        found = [truth(part.value(row), self) for part in self.parts]
        if (not self.every) in found:
            return not self.every
        return None if None in found else self.every

    def columns(self) -> Iterator[str]:
        """Those of all."""
        for part in self.parts:
            yield from part.columns()


def truth(value: Plain, node: Node) -> bool | None:
    """A value as a condition: 0 and 1, as tables have them, are false and true.

    Raises:
        Unfit: It is another number or a text.
    """
    if value is None or isinstance(value, bool):
        return value
    found = TRUTH.get(str(value).lower())
    if found is None:
        raise Unfit(f"{_named(node)} is neither true nor false")
    return found


def _alike(left: Plain, right: Plain, node: Node) -> tuple[Plain, Plain]:
    """Both as numbers where one is, both as truths where one is, else both as texts."""
    if isinstance(left, bool) or isinstance(right, bool):
        return truth(left, node), truth(right, node)
    if isinstance(left, float) or isinstance(right, float):
        return _number(left, node), _number(right, node)
    return left, right


def _number(value: Plain, node: Node) -> float | None:
    """A number, also where a table has it as text; what a table calls ``nan`` is null."""
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        raise Unfit(f"{_named(node)} is not a number") from None
    return None if isnan(found) else found


def _named(node: Node) -> str:
    return " or ".join(f"column {name!r}" for name in dict.fromkeys(node.columns())) or "a value"
