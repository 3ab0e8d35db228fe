"""The dose curve as a table and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import arms, shown
from detox_cli.services.probe_intervene.result import AUDIT, ProbeInterveneResult, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = ("mean", "low", "high", "n")


def write_pictures(result: ProbeInterveneResult, folder: Path, progress: Progress) -> None:
    """Write ``doses``: every figure at every dose, and toxicity and perplexity as a picture."""
    rows = [
        {
            "dose": one.dose,
            "random": one.random,
            "audit": one.strengthens,
            "figure": name,
            **{part: getattr(figure, part) for part in PARTS},
        }
        for one in result.steps
        for name, figure in ({"text_perplexity": one.measured.perplexity} | one.measured.figures).items()
    ]
    shown(folder / "doses", rows, lambda figure: _paint(figure, result), progress, size=(10, 4.4))


def _paint(figure: "Figure", result: ProbeInterveneResult) -> None:
    left, right = figure.subplots(1, 2)
    for axes, part in ((left, "toxicity"), (right, "perplexity")):
        base = getattr(result.steps[0].measured, part)
        axes.axhline(base.mean, color="grey", ls=":", lw=0.8)
        sets = sorted({one.random for one in result.steps if one.random is not None})
        for number in sets:
            _line(axes, [one for one in result.steps if one.random == number], part, "grey", "random")
        _line(
            axes,
            [one for one in result.steps if one.dose is not None and not one.random],
            part,
            "C0",
            "chosen",
        )
        axes.set_xlabel(f"dose of {result.op}; dotted: the model as it is")
    left.set_ylabel(result.figure)
    right.set_ylabel(f"perplexity of {Path(result.text).name}")
    handles, labels = left.get_legend_handles_labels()
    told = dict(zip(labels, handles, strict=True))
    left.legend(told.values(), told.keys(), frameon=False)
    if result.audit:
        figure.suptitle(AUDIT)


def _line(axes: "Axes", steps: Sequence[Step], part: str, colour: str, label: str) -> None:
    ordered = sorted(steps, key=lambda one: one.dose or 0.0)
    found = [(one.dose or 0.0, getattr(one.measured, part)) for one in ordered]
    axes.plot([dose for dose, _ in found], [one.mean for _, one in found], color=colour, lw=1, label=label)
    for dose, one in found:
        axes.errorbar([dose], [one.mean], yerr=arms(one), fmt="o", ms=3, color=colour, capsize=2, lw=0.8)
