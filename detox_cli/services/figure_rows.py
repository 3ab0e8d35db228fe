"""Figures of an evaluation as rows, one number each: for tables of other programs, and for quality limits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from detox_cli.data.writing import write_rows
from detox_cli.statistics.bootstrap import Estimate

COLUMNS = ("group", "scorer", "metric", "k", "estimate", "low", "high", "n")


@dataclass(frozen=True)
class FigureRow:
    """One figure.

    Attributes:
        group: Whose it is: ``all``, a language, a stratum, ``mean`` over languages; or a system.
        scorer: What measured toxicity; empty for figures that need no scorer.
        metric: What it is, such as ``probability``.
        k: Of how many continuations; ``None`` where that says nothing.
        estimate: The number with its interval.
        difference: Whether it is the difference of two systems, and not a figure of prompts or of a system.
    """

    group: str
    scorer: str
    metric: str
    k: int | None
    estimate: Estimate
    difference: bool = False

    @property
    def name(self) -> str:
        """As summaries have it: ``builtin:toxicity/probability@25``."""
        head = f"{self.scorer}/{self.metric}" if self.scorer else self.metric
        return head if self.k is None else f"{head}@{self.k}"


def split_name(name: str) -> tuple[str, str, int | None]:
    """Scorer, metric and k of a figure's name; what is not said is empty or ``None``.

    Raises:
        ValueError: What follows ``@`` is no whole number.
    """
    scorer, _, rest = name.rpartition("/")
    metric, _, k = rest.partition("@")
    return scorer, metric, int(k) if k else None


def figure_rows(
    group: str, figures: Mapping[str, Estimate], *, difference: bool = False
) -> Iterator[FigureRow]:
    """The figures of one group, or of a pair of systems, by their names."""
    for name, estimate in figures.items():
        yield FigureRow(group, *split_name(name), estimate, difference)


def figures_in(part: BaseModel) -> dict[str, Estimate]:
    """The figures among the fields of a part of a result, by name; what was not measured is left out."""
    values = {name: getattr(part, name) for name in metrics_of(type(part))}
    return {name: value for name, value in values.items() if value is not None}


def metrics_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields that are figures."""
    forms = (Estimate, Estimate | None)
    return tuple(name for name, field in kind.model_fields.items() if field.annotation in forms)


def write_figures(path: Path, rows: Iterable[FigureRow]) -> None:
    """All rows as a table, CSV by its suffix, a column for each part of a figure.

    Raises:
        DetoxError: The file cannot be written.
    """
    table = (
        {
            "group": row.group,
            "scorer": row.scorer,
            "metric": row.metric,
            "k": row.k,
            **{{"mean": "estimate"}.get(name, name): part for name, part in row.estimate.parts().items()},
        }
        for row in rows
    )
    write_rows(path, table, COLUMNS)
