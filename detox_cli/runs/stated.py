"""The figures that a manifest states, whatever command wrote it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

NAMED = (
    *("name", "label", "folder", "kind", "system", "against", "measure", "lang", "stratum", "stage", "place"),
    *("side", "dose", "random", "layer", "neuron", "rank"),
)
"""What tells the entries of a list apart, in order of preference."""
ESTIMATE = {"value", "mean", "low", "high", "n", "step"}
"""What tells one figure with its interval."""
FRAMES = {"groups", "figures", "systems"}
"""Names of what only holds figures together; they say nothing in the name of a figure."""


@dataclass(frozen=True)
class Stated:
    """One figure: its dotted name, its value, and where they are known its interval and number of cases.

    Where it belongs to one of several alike, ``table`` names these, ``entry`` is its own one and ``measure``
    what is said of each.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    table: str = field(default="", compare=False)
    entry: str = field(default="", compare=False)
    measure: str = field(default="", compare=False)


def stated_figures(metrics: object) -> Iterator[Stated]:
    """Every number of nested metrics, each under its own name; a mean with its interval is one figure."""
    told: Counter[str] = Counter()
    for figure in _figures(metrics, ""):
        told[figure.name] += 1
        again = told[figure.name]
        yield figure if again == 1 else replace(figure, name=f"{figure.name} ({again})")


def _figures(metrics: object, name: str) -> Iterator[Stated]:
    if isinstance(metrics, bool):
        return
    if isinstance(metrics, int | float):
        yield Stated(name, float(metrics))
    elif isinstance(metrics, dict):
        value = next((metrics[key] for key in ("value", "mean") if key in metrics), None)
        told: set[str] = set()
        if isinstance(value, int | float):
            low, high, n = (metrics.get(key) for key in ("low", "high", "n"))
            # A single row has no interval, however often it is drawn.
            ends = (None, None) if n == 1 and low == high else (low, high)
            yield Stated(name, float(value), *ends, n)
            told = ESTIMATE
        rest = {str(key): inner for key, inner in metrics.items() if key not in told}
        yield from _entries(rest, name, alike=not told and _alike(list(rest.values())))
    elif isinstance(metrics, list):
        entries = dict(zip(_labels(metrics), metrics, strict=True))
        yield from _entries(entries, name, alike=_alike(metrics))


def _entries(entries: dict[str, object], name: str, *, alike: bool) -> Iterator[Stated]:
    for key, inner in entries.items():
        own = _inside(name, key)
        for figure in _figures(inner, own):
            if not alike:
                yield figure
                continue
            measure = figure.name.removeprefix(own).removeprefix(".")
            yield replace(figure, table=name, entry=key or "all", measure=measure)


def _alike(values: Sequence[object]) -> bool:
    """Whether there are several, of which the same is told."""
    keys = [set(one) for one in values if isinstance(one, dict) and not set(one) <= ESTIMATE]
    return len(keys) == len(values) > 1 and bool(set.intersection(*keys))


def _inside(name: str, key: str) -> str:
    if not key or key in FRAMES:
        return name
    return f"{name}.{key}" if name else key


def _labels(entries: Sequence[object]) -> list[str]:
    """What tells entries apart: their first names, else all of their names, else their numbers too."""
    names = [_names(entry) for entry in entries]
    if len(entries) == 1 and isinstance(entries[0], dict) and not names[0]:
        return [""]
    nameless = [
        number for number, entry in enumerate(entries) if isinstance(entry, dict) and not names[number]
    ]
    whole = nameless[0] if len(nameless) == 1 and len(entries) > 1 else None  # all, beside its groups
    for count in (1, len(NAMED)):
        numbers = ["" if number == whole else str(number) for number in range(len(names))]
        found = [" ".join(some[:count]) or number for number, some in zip(numbers, names, strict=True)]
        if len(set(found)) == len(found):
            return found
    return [f"{label} {number}" for number, label in enumerate(found)]


def _names(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return []
    values = (entry.get(key) for key in NAMED)
    return [str(value) for value in values if isinstance(value, str | int | float) and _tells(value)]


def _tells(value: str | float) -> bool:
    return value not in ("", ".") and not isinstance(value, bool)
