"""Known and predicted effects over retrieval."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import arms, shown
from detox_cli.services.probe.flat import flat_rows
from detox_cli.services.probe_predict_transfer.result import ProbePredictTransferResult
from detox_cli.statistics.line import Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_pictures(result: ProbePredictTransferResult, line: Line, folder: Path, progress: Progress) -> None:
    """Write ``predictions``, ``held_out`` and ``skills``."""
    rows = flat_rows(result.predictions) or flat_rows(result.held_out)
    name = "predictions" if result.predictions else "held_out"
    shown(folder / name, rows, lambda figure: _paint_line(figure, result, line), progress)
    if result.predictions:
        shown(
            folder / "held_out",
            flat_rows(result.held_out),
            lambda figure: _paint_held_out(figure, result),
            progress,
        )
    shown(folder / "skills", flat_rows(result.skills), lambda figure: _paint_skills(figure, result), progress)


def _paint_line(figure: "Figure", result: ProbePredictTransferResult, line: Line) -> None:
    axes = figure.subplots()
    values = [one.value for one in result.held_out] + [one.value.mean for one in result.predictions]
    x = np.linspace(min(values), max(values), 60)
    reach = [line.new_point(float(one)) for one in x]
    axes.plot(x, [one.mean for one in reach], color="grey", lw=1)
    axes.fill_between(
        x, [one.low for one in reach], [one.high for one in reach], color="grey", alpha=0.2, lw=0
    )
    axes.scatter(
        [one.value for one in result.held_out], [one.effect for one in result.held_out], s=14, color="C0"
    )
    for one in result.held_out:
        axes.annotate(
            one.lang, (one.value, one.effect), xytext=(3, 3), textcoords="offset points", fontsize=7
        )
    for told in result.predictions:
        axes.errorbar(
            [told.value.mean], [told.effect.mean], xerr=arms(told.value), fmt="C3s", ms=4, lw=0.8, mfc="none"
        )
        place = (told.value.mean, told.effect.mean)
        axes.annotate(told.lang, place, xytext=(3, -9), textcoords="offset points", fontsize=7, color="C3")
    since = {
        one.lang: (one.value.mean, one.measured) for one in result.predictions if one.measured is not None
    }
    for lang, place in since.items():
        axes.scatter(*place, s=14, c="C3", marker="x")
        axes.annotate(lang, place, xytext=(3, 3), textcoords="offset points", fontsize=7, color="C3")
    crosses = "; crosses: measured" if since else ""
    axes.set_xlabel(f"{result.measure}; blue: known, red: predicted{crosses}")
    axes.set_ylabel("effect, with its 95 % prediction interval")


def _paint_held_out(figure: "Figure", result: ProbePredictTransferResult) -> None:
    axes = figure.subplots()
    for one in result.held_out:
        axes.errorbar([one.effect], [one.predicted.mean], yerr=arms(one.predicted), fmt="C0o", ms=3, lw=0.8)
        place = (one.effect, one.predicted.mean)
        axes.annotate(one.lang, place, xytext=(3, 3), textcoords="offset points", fontsize=7)
    middle = result.held_out[0].effect
    axes.axline((middle, middle), slope=1, color="grey", lw=0.8)
    axes.set_xlabel("effect")
    axes.set_ylabel("predicted without the language")


def _paint_skills(figure: "Figure", result: ProbePredictTransferResult) -> None:
    axes = figure.subplots()
    for place, one in enumerate(result.skills):
        axes.errorbar([place], [one.gain.mean], yerr=arms(one.gain), fmt="C0o", ms=4, capsize=2, lw=0.8)
    axes.axhline(0, color="grey", ls=":", lw=0.8)
    axes.set_xticks(
        range(len(result.skills)), [f"{one.measure}\nby {one.by}" for one in result.skills], fontsize=7
    )
    axes.set_ylabel("error of the mean less that of the prediction")
