"""The figures that a manifest states, whatever command wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass

NAMED = ("name", "label", "folder", "lang", "system", "stage")
"""What tells the entries of a list apart, in order of preference."""


@dataclass(frozen=True)
class Stated:
    """One figure: its dotted name, its value, and where they are known its interval and number of cases."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


def stated_figures(metrics: object, name: str = "") -> Iterator[Stated]:
    """Every number of nested metrics; a mean with its interval is one figure, texts are left out."""
    if isinstance(metrics, bool):
        return
    if isinstance(metrics, int | float):
        yield Stated(name, float(metrics))
    elif isinstance(metrics, dict):
        value = next((metrics[key] for key in ("value", "mean") if key in metrics), None)
        if isinstance(value, int | float):
            low, high, n = (metrics.get(key) for key in ("low", "high", "n"))
            yield Stated(name, float(value), low, high, n)
            return
        for key, inner in metrics.items():
            yield from stated_figures(inner, _inside(name, str(key)))
    elif isinstance(metrics, list):
        for number, inner in enumerate(metrics):
            yield from stated_figures(inner, _inside(name, _called(inner, number)))


def _inside(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _called(entry: object, number: int) -> str:
    if isinstance(entry, dict):
        return next((str(entry[key]) for key in NAMED if entry.get(key)), str(number))
    return str(number)
