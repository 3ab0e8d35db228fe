"""Spans as character offsets, in the ways that data sets write them down."""

import json
from dataclasses import dataclass
from typing import Any

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Types:
    """Which of the spans count, where they have a type and votes: ``[start, end, type, votes]``."""

    names: tuple[str, ...] = ()
    votes: int = 0

    def wants(self, rest: list[object]) -> bool:
        """Whether a span with this behind its bounds counts."""
        if self.names and (not rest or str(rest[0]) not in self.names):
            return False
        votes = rest[1] if len(rest) > 1 else None
        return not (isinstance(votes, int | float) and votes < self.votes)


def spans_of(value: object, text: str, types: Types) -> tuple[Bounds, ...]:
    """The spans that a value names, in order, overlapping and touching ones made one.

    Args:
        value: A list of offsets, or of spans, or the text of such a list.
        text: What they are spans of.
        types: Which count.

    Raises:
        ValueError: It is none of that, or a span is not inside of the text; says it without the text.
    """
    entries = _parsed(value)
    if all(isinstance(entry, int) and not isinstance(entry, bool) for entry in entries):
        bounds = [(int(str(entry)), int(str(entry)) + 1) for entry in entries]
    else:
        bounds = [one for entry in entries if (one := _bounds(entry, types)) is not None]
    for start, end in bounds:
        if not 0 <= start < end:
            raise ValueError(f"has a span from {start} to {end}")
        if end > len(text):
            raise ValueError("has a span that ends outside of the text")
    return merged(bounds)


def merged(bounds: list[Bounds]) -> tuple[Bounds, ...]:
    """Spans in order, those that overlap or touch made one."""
    found: list[Bounds] = []
    for start, end in sorted(bounds):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _parsed(value: object) -> list[object]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("is no list") from None
    if value is None:
        raise ValueError("is missing")
    if not isinstance(value, list | tuple):
        raise ValueError(f"is no list but {type(value).__name__}")
    return list(value)


def _bounds(entry: object, types: Types) -> Bounds | None:
    """The bounds of one span; nothing if its type is not wanted."""
    if isinstance(entry, dict):
        parts: list[Any] = [entry.get("start"), entry.get("end")]
        parts += [entry["type"]] if "type" in entry else []
    else:
        parts = list(entry) if isinstance(entry, list | tuple) else []
    if len(parts) < 2 or not all(isinstance(one, int) and not isinstance(one, bool) for one in parts[:2]):
        raise ValueError("has something that is no span of two whole numbers")
    return (int(parts[0]), int(parts[1])) if types.wants(parts[2:]) else None
