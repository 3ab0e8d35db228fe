"""What a suite of rewriting metrics is: three scorers and how they become STA, SIM, FL and J."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detox_cli.scoring.suites.panel import Floats, Panel, Texts


@dataclass(frozen=True)
class Slot:
    """One of the three measures of a suite.

    Attributes:
        how: What is computed, in words: model output, hard or soft, direction.
        spec: The published scorer; ``None`` where there is none to load.
        lacking: Why there is none, where a scorer is needed all the same.
        kind: ``scorer``, or ``formula`` where no scorer is needed.
    """

    how: str
    spec: str | None = None
    lacking: str = ""
    kind: Literal["scorer", "formula"] = "scorer"


@dataclass(frozen=True)
class Components:
    """STA, SIM and FL of n outputs, each of shape [n], and their product per output."""

    sta: Floats
    sim: Floats
    fl: Floats

    @property
    def joint(self) -> Floats:
        """STA x SIM x FL of each output: the mean of these is J as a mean of products."""
        return self.sta * self.sim * self.fl

    def take(self, positions: NDArray[np.intp]) -> "Components":
        """The components at ``positions``."""
        return Components(self.sta[positions], self.sim[positions], self.fl[positions])


@dataclass(frozen=True)
class Suite:
    """A published (or our own) way to measure rewriting."""

    name: str
    source: str
    sta: Slot
    sim: Slot
    fl: Slot
    measure: Callable[[Texts, Panel], Components]
    needs_references: bool = False
    edition: str = ""

    @property
    def title(self) -> str:
        """The name, with the edition where the suite has changed: figures of two editions do not compare."""
        return f"{self.name}, edition {self.edition}" if self.edition else self.name

    @property
    def slots(self) -> dict[str, Slot]:
        """The three measures by their names."""
        return {"sta": self.sta, "sim": self.sim, "fl": self.fl}


def measure_outputs(
    suite: Suite,
    panel: Panel,
    sources: Sequence[str],
    outputs: Sequence[str],
    references: Sequence[Sequence[str]] = (),
    langs: Sequence[str | None] = (),
) -> Components:
    """STA, SIM and FL of every output.

    Of several references the one with the highest product counts. An empty output scores 0 everywhere and is
    shown to no model.

    Args:
        suite: What to compute.
        panel: The scorers.
        sources: The toxic texts, n of them.
        outputs: Their rewrites.
        references: For each its human rewrites; may be left out where the suite needs none.
        langs: The code of each row's language, for scorers that are told it; may be left out.

    Returns:
        Components of shape [n].

    Raises:
        ValueError: The suite needs references and an output has none.
    """
    written = [i for i, output in enumerate(outputs) if output.strip()]
    chosen: Sequence[Sequence[str]] = references if suite.needs_references else [[""]] * len(outputs)
    units = [(i, reference) for i in written for reference in chosen[i]]
    if len({i for i, _ in units}) != len(written):
        raise ValueError(f"the suite {suite.name} needs a reference for every output")
    rows = np.array([i for i, _ in units], dtype=np.intp)
    found = Components(*(np.zeros(len(units)) for _ in range(3)))
    for spoken, places in panel.by_language([langs[i] if langs else None for i, _ in units]):
        here = [units[place] for place in places]
        texts = Texts([sources[i] for i, _ in here], [outputs[i] for i, _ in here], [r for _, r in here])
        _put(found, np.array(places, dtype=np.intp), suite.measure(texts, spoken))
    return _best_of(found, rows, len(outputs))


def _best_of(units: Components, rows: NDArray[np.intp], count: int) -> Components:
    """The unit with the highest product of each row; zeros for a row without units."""
    best = np.lexsort((-units.joint, rows))
    first = best[np.unique(rows[best], return_index=True)[1]]
    filled = Components(np.zeros(count), np.zeros(count), np.zeros(count))
    _put(filled, rows[first], units.take(first))
    return filled


def _put(into: Components, places: NDArray[np.intp], parts: Components) -> None:
    into.sta[places], into.sim[places], into.fl[places] = parts.sta, parts.sim, parts.fl
