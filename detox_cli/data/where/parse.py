"""Reading a rule.

::

    rule       = all { "or" all }
    all        = one { "and" one }
    one        = "not" one | compared
    compared   = sum [ { ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum }
                     | "is" ["not"] "null" | ["not"] "in" "(" sum { "," sum } ")" ]
    sum        = value { ( "+" | "-" ) value }
    value      = number | 'text' | column | `column` | "true" | "false" | "null" | "-" value | "(" rule ")"

Nothing in a rule is run: it is read into the parts of `nodes`, and nothing else can be in it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detox_cli.data.columns import with_nearest
from detox_cli.data.where.nodes import (
    COMPARE,
    Column,
    Comparison,
    IsNull,
    Joined,
    Literal,
    Node,
    Not,
    Sum,
    Values,
    truth,
)
from detox_cli.data.where.tokens import FLAG, Token, tokens
from detox_cli.errors import BadData, BadSettings

CONSTANTS = {"true": True, "false": False, "null": None}
DEEPEST = 100
"""Brackets, negations and signs inside each other."""


@dataclass(frozen=True)
class Rule:
    """A rule that was read; ``text`` is how it was written."""

    text: str
    node: Node

    def holds(self, row: Values) -> bool | None:
        """Whether the rule holds for a row; ``None`` where null values leave that open.

        Raises:
            Unfit: It cannot be applied to a value.
        """
        return truth(self.node.value(row), self.node)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, each once."""
        return tuple(dict.fromkeys(self.node.columns()))

    def check_columns(self, there: Iterable[str], where: str) -> None:
        """Raise ``BadData`` if a column is not ``there``; with the nearest name and all of them."""
        known = list(there)
        for column in self.columns:
            if column not in known and column.split(".")[0] not in known:
                hint = with_nearest([column], known)
                raise BadData(f"has no column {column!r}, which {FLAG} names", where=where, hint=hint)


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        BadSettings: It is none; the message says where it stops making sense.
    """
    return Rule(text, _Reader(text).rule())


class _Reader:
    """One rule, word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    def rule(self) -> Node:
        found = self._any()
        if self._now.kind != "end":
            raise self._wrong("and, or, or the end")
        return found

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _takes(self, *values: str) -> str | None:
        """Step over the next word if it is one of these words or signs."""
        token = self._now
        if token.kind in ("sign", "word") and token.value in values:
            self._at += 1
            return token.value
        return None

    def _needs(self, value: str) -> None:
        if self._takes(value) is None:
            raise self._wrong(repr(value))

    def _wrong(self, wanted: str) -> BadSettings:
        token = self._now
        there = "it ends" if token.kind == "end" else f"{self._text[token.place :]!r} stands"
        return BadSettings(
            f"{there} where {wanted} should",
            where=f"{FLAG} {self._text}",
            hint="a rule is such as: toxicity >= 0.8 and lang in ('en', 'de') and not (obscene is null)",
        )

    def _any(self) -> Node:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), every=False)

    def _all(self) -> Node:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), every=True)

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadSettings(
                "is nested too deeply",
                where=f"{FLAG} {self._text[:40]}…",
                hint="write it with fewer brackets",
            )
        found = Not(self._one()) if self._takes("not") else self._compared()
        self._depth -= 1
        return found

    def _compared(self) -> Node:
        left = self._sum()
        if self._takes("is"):
            turned = self._takes("not")
            self._needs("null")
            return Not(IsNull(left)) if turned else IsNull(left)
        if self._takes("in"):
            return self._among(left)
        if self._takes("not"):
            self._needs("in")
            return Not(self._among(left))
        chain: list[Node] = []
        while sign := self._takes(*COMPARE):
            right = self._sum()
            chain.append(Comparison(left, sign, right))
            left = right
        if not chain:
            return left
        return chain[0] if len(chain) == 1 else Joined(tuple(chain), every=True)

    def _among(self, left: Node) -> Node:
        self._needs("(")
        parts = [Comparison(left, "==", self._sum())]
        while self._takes(","):
            parts.append(Comparison(left, "==", self._sum()))
        self._needs(")")
        return Joined(tuple(parts), every=False)

    def _sum(self) -> Node:
        found = self._value()
        while sign := self._takes("+", "-"):
            found = Sum(found, self._value(), 1 if sign == "+" else -1)
        return found

    def _value(self) -> Node:
        token = self._now
        if self._takes("-"):
            self._depth += 1
            if self._depth > DEEPEST:
                raise BadSettings(
                    "is nested too deeply",
                    where=f"{FLAG} {self._text[:40]}…",
                    hint="write it with fewer brackets",
                )
            found: Node = Sum(Literal(0.0), self._value(), -1)
            self._depth -= 1
            return found
        if self._takes("("):
            found = self._any()
            self._needs(")")
            return found
        if token.kind in ("number", "text", "name"):
            self._at += 1
            return _LEAVES[token.kind](token.value)
        if token.kind == "word" and token.value in CONSTANTS:
            self._at += 1
            return Literal(CONSTANTS[token.value])
        raise self._wrong("a column, a number or a text")


_LEAVES: dict[str, Callable[[str], Node]] = {
    "number": lambda value: Literal(float(value)),
    "text": Literal,
    "name": Column,
}
