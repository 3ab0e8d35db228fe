"""Rows of results as rows of tables: an estimate becomes a column for each of its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from detox_cli.statistics.bootstrap import Estimate


def flat_rows(rows: Sequence[BaseModel]) -> list[dict[str, Any]]:
    """Plain values; ``x`` that is an estimate is ``x``, ``x_low``, ``x_high`` and ``x_n``."""
    kinds = [type(row).model_fields for row in rows]
    return [
        dict(pair for name in fields for pair in _columns(name, getattr(row, name)))
        for row, fields in zip(rows, kinds, strict=True)
    ]


def _columns(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Estimate):
        mean, *rest = value.parts().items()
        return [(name, mean[1]), *((f"{name}_{part}", one) for part, one in rest)]
    if isinstance(value, Mapping):
        return [(f"{name}_{key}", one) for key, one in value.items()]
    return [(name, value)]
