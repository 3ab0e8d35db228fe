"""Pictures of activations: by language, by group, by layer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from detox_cli.models.neurons.groups import GROUPS
from detox_cli.output.progress import Progress
from detox_cli.services.pictures import arms, shown
from detox_cli.services.probe.flat import flat_rows
from detox_cli.services.probe_activations.lens_pictures import paint_lens, paint_trajectories
from detox_cli.services.probe_activations.result import (
    GroupRow,
    LanguageRow,
    LayerRow,
    NeuronRow,
    ProbeActivationsResult,
)
from detox_cli.statistics.bootstrap import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = dict(zip(GROUPS, ("C3", "C1", "C0", "C2"), strict=True))


def write_pictures(result: ProbeActivationsResult, folder: Path, progress: Progress) -> None:
    """Every table with its picture."""
    tables: list[tuple[str, Sequence[BaseModel], Callable[[Any], None]]] = [
        ("by_neuron", result.listed, lambda figure: paint_neurons(result.listed, figure)),
        ("languages", result.languages, lambda figure: paint_languages(result.languages, figure)),
        ("groups", result.groups, lambda figure: paint_groups(result.groups, figure)),
        ("layers", result.layers, lambda figure: paint_layers(result.layers, figure)),
    ]
    if (lens := result.lens) is not None:
        tables += [
            ("lens", lens.places, lambda figure: paint_lens(lens.places, figure)),
            ("trajectories", lens.trajectories, lambda figure: paint_trajectories(lens, figure)),
        ]
    for name, rows, paint in tables:
        if rows:
            shown(folder / name, flat_rows(rows), paint, progress)


def paint_languages(rows: list[LanguageRow], figure: "Figure") -> None:
    """Means of the followed neurons with intervals, before and after."""
    axes = figure.subplots()
    series = {"before": "C3", "same": "C0", "own": "C2"}
    labels = {"before": "before", "same": "after, same tokens", "own": "after, own tokens"}
    shown = [name for name in series if getattr(rows[0], name) is not None]
    for number, name in enumerate(shown):
        shift = (number - (len(shown) - 1) / 2) * 0.22
        for place, row in enumerate(rows):
            one = getattr(row, name)
            axes.errorbar(
                [place + shift], [one.mean], yerr=arms(one), fmt="o", ms=4, lw=1, color=series[name]
            )
        axes.plot([], [], "o", color=series[name], label=labels[name])
    axes.axhline(0, color="grey", lw=0.8)
    axes.set_xticks(range(len(rows)), [row.lang for row in rows])
    axes.set_ylabel("mean coefficient of the neurons")
    axes.legend(fontsize=7)


def paint_groups(rows: list[GroupRow], figure: "Figure") -> None:
    """The part of every group in the projected shift, with intervals."""
    axes = figure.subplots()
    for place, row in enumerate(rows):
        colour = COLOURS.get(row.group, "grey")
        axes.bar([place], [row.shift.mean], color=colour, alpha=0.7)
        axes.errorbar([place], [row.shift.mean], yerr=arms(row.shift), color="black", lw=0.8, capsize=2)
    axes.axhline(0, color="grey", lw=0.8)
    axes.set_xticks(range(len(rows)), [f"{row.group}\n{row.neurons}" for row in rows], fontsize=7)
    axes.set_ylabel("shift of the projection on the probe")


def paint_layers(rows: list[LayerRow], figure: "Figure") -> None:
    """Bars of the groups by layer, and the whole shift as a line."""
    axes = figure.subplots()
    layers = [row.layer for row in rows]
    bottom = np.zeros(len(rows))
    for name in GROUPS:
        values = np.array([row.groups[name] for row in rows])
        axes.bar(layers, values, bottom=bottom, color=COLOURS[name], label=name, alpha=0.7)
        bottom = bottom + values
    axes.plot(layers, [row.shift for row in rows], color="black", marker="o", ms=3, lw=1, label="all neurons")
    axes.axhline(0, color="grey", lw=0.8)
    axes.set_xlabel("layer")
    axes.locator_params(axis="x", integer=True)
    axes.set_ylabel("shift of the projection on the probe")
    axes.legend(fontsize=7)


def paint_neurons(rows: list[NeuronRow], figure: "Figure") -> None:
    """The listed neurons: their mean coefficients before and after, or the means beside the spread."""
    axes = figure.subplots()
    compared = rows[0].mean_same is not None
    for label, wanted in (("followed", True), ("others", False)):
        part = [row for row in rows if row.followed == wanted]
        if not part:
            continue
        x, y = [row.mean.mean for row in part], [row.mean_same or row.deviation for row in part]
        after = [one.mean if isinstance(one, Estimate) else one for one in y]
        across = np.hstack([arms(row.mean) for row in part])
        upright = np.hstack([arms(one) for one in y if isinstance(one, Estimate)]) if compared else None
        axes.errorbar(x, after, xerr=across, yerr=upright, fmt="o", ms=3, lw=0.6, alpha=0.7, label=label)
    if compared:
        axes.axline((0, 0), slope=1, color="grey", lw=0.8)
    axes.set_xlabel("mean coefficient before" if compared else "mean coefficient")
    axes.set_ylabel("after, on the same tokens" if compared else "standard deviation")
    axes.legend(fontsize=7)
