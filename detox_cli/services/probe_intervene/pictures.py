"""The dose curve as a table and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import arms, band, shown
from detox_cli.services.probe_intervene.result import AUDIT, ProbeInterveneResult, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def write_pictures(result: ProbeInterveneResult, folder: Path, progress: Progress) -> None:
    """Write ``doses``: every figure at every dose, and toxicity and perplexity as a picture."""
    rows = [
        {
            "dose": one.dose,
            "random": one.random,
            "audit": one.strengthens,
            "figure": name,
            **figure.parts(),
        }
        for one in result.steps
        for name, figure in ({"text_perplexity": one.measured.perplexity} | one.measured.figures).items()
    ]
    if result.by_chance:
        figures = ("toxicity", "change", "increase")
        told = [
            {"dose": one.dose, "figure": name, "p": one.p, **getattr(one, name).parts()}
            for one in result.by_chance
            for name in figures
        ]
        shown(folder / "by_chance", told, lambda figure: _paint_chance(figure, result), progress)
    shown(folder / "doses", rows, lambda figure: _paint(figure, result), progress, size=(10, 4.4))


def _paint_chance(figure: "Figure", result: ProbeInterveneResult) -> None:
    """What the chosen ones change at every dose, over prompts, and what sets by chance do, over sets."""
    axes = figure.subplots()
    chosen = {one.dose: one.measured.change for one in result.steps if one.random is None}
    told = sorted(result.by_chance, key=lambda one: one.dose)
    for series, label, colour in (
        ([chosen[one.dose] for one in told], "chosen", "C0"),
        ([one.change for one in told], f"mean of {told[0].change.n} random", "grey"),
    ):
        band(axes, [one.dose for one in told], [one for one in series if one is not None], label, colour)
    axes.axhline(0, color="grey", ls=":", lw=0.8)
    axes.set_xlabel(f"dose of {result.op}")
    axes.set_ylabel(f"change of {result.figure}", fontsize=8)
    axes.legend(frameon=False)
    if result.audit:
        figure.suptitle(AUDIT)


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
