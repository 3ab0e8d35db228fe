"""Retrieval layer by layer, and against the effect, as tables and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import shown
from detox_cli.services.probe_retrieval.nearest import MEASURES
from detox_cli.services.probe_retrieval.result import ProbeRetrievalResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {"p1": "P@1", "p1_centred": "P@1, centred", "cosine": "cosine of pairs"}


def write_pictures(result: ProbeRetrievalResult, folder: Path, progress: Progress) -> None:
    """Write ``layers``, ``languages`` and, where there is an effect, ``effect``."""
    rows = [
        {"lang": one.lang, "place": one.place, "measure": name, **one.figures[name].parts()}
        for one in result.layers
        for name in MEASURES
    ]
    shown(folder / "layers", rows, lambda figure: _paint_layers(figure, result), progress, size=(12, 4.4))
    rows = [
        {"lang": one.lang, "measure": name, "effect": one.effect, **one.figures[name].parts()}
        for one in result.languages
        for name in MEASURES
    ]
    size = (1.5 + 0.45 * len(result.languages), 4.0)
    shown(folder / "languages", rows, lambda figure: _paint_languages(figure, result), progress, size=size)
    if result.correlations:
        table = [
            {"measure": one.measure, "kind": kind, **getattr(one, kind).parts()}
            for one in result.correlations
            for kind in ("pearson", "spearman")
        ]
        shown(
            folder / "effect", table, lambda figure: _paint_effect(figure, result), progress, size=(12, 4.4)
        )


def _paint_layers(figure: "Figure", result: ProbeRetrievalResult) -> None:
    panels = figure.subplots(1, len(PANELS), sharey=True)
    x = range(len(result.places))
    for axes, (measure, name) in zip(panels, PANELS.items(), strict=True):
        for number, language in enumerate(result.languages):
            values = [one.figures[measure].mean for one in result.layers if one.lang == language.lang]
            axes.plot(
                x, values, color=f"C{number % 10}", ls="-" if number < 10 else "--", label=language.lang
            )
        axes.set_xticks(x, result.places, rotation=90 if len(x) > 8 else 0)
        axes.set_title(name)
        axes.set_xlabel("layer")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False)


def _paint_languages(figure: "Figure", result: ProbeRetrievalResult) -> None:
    axes = figure.subplots()
    for number, (measure, name) in enumerate(PANELS.items()):
        found = [one.figures[measure] for one in result.languages]
        x = [place + (number - 1) * 0.2 for place in range(len(found))]
        arms = [[one.mean - one.low for one in found], [one.high - one.mean for one in found]]
        axes.errorbar(x, [one.mean for one in found], yerr=arms, fmt="o", ms=3, capsize=2, lw=0.8, label=name)
    axes.set_xticks(range(len(result.languages)), [one.lang for one in result.languages])
    axes.set_ylabel("mean over layers, with 95 % intervals")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.legend(frameon=False)


def _paint_effect(figure: "Figure", result: ProbeRetrievalResult) -> None:
    panels = figure.subplots(1, len(PANELS), sharey=True)
    correlated = {one.measure: one.pearson for one in result.correlations}
    told = [one for one in result.languages if one.effect is not None]
    for axes, (measure, name) in zip(panels, PANELS.items(), strict=True):
        for one in told:
            x = one.figures[measure]
            axes.errorbar(
                [x.mean], [one.effect], xerr=[[x.mean - x.low], [x.high - x.mean]], fmt="C0o", lw=0.8
            )
            axes.annotate(one.lang, (x.mean, one.effect), xytext=(4, 4), textcoords="offset points")
        r = correlated.get(measure)
        axes.set_xlabel(name if r is None else f"{name}; r = {r}")
    panels[0].set_ylabel("effect")
