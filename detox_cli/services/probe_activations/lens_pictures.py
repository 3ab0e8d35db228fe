"""Pictures of the logit lens: figures by layer, and single tokens through the layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detox_cli.services.pictures import band
from detox_cli.services.probe_activations.lens_result import LensPlace, LensResult
from detox_cli.services.report.page import outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 8


def paint_lens(places: list[LensPlace], figure: "Figure") -> None:
    """The probability of the listed words beside chance, their rank, and how settled the prediction is."""
    mass, rank, settled = figure.subplots(3, 1, sharex=True)
    for axes, name, label in (
        (mass, "mass", "listed words"),
        (rank, "rank", "rank of the first"),
        (settled, "settled", "settled"),
    ):
        for key, title, colour in ((name, "before", "C3"), (f"{name}_same", "after", "C0")):
            told = [getattr(one, key) for one in places]
            if told[0] is not None:
                band(axes, range(len(places)), told, title, colour)
        axes.set_ylabel(label, fontsize=8)
    chance = [one.by_chance for one in places if one.by_chance is not None]
    if chance:
        band(mass, range(len(chance)), chance, "tokens as likely at the end", "grey")
    mass.set_yscale("log")
    rank.set_yscale("log")
    rank.invert_yaxis()
    mass.legend(fontsize=7)
    _name(settled, [one.place for one in places])


def paint_trajectories(lens: LensResult, figure: "Figure") -> None:
    """The probabilities of the likeliest tokens, layer by layer; of a tuned model their changes."""
    changed = lens.trajectories[0].change is not None
    panels = figure.subplots(2 if changed else 1, 1, sharex=True, squeeze=False)[:, 0]
    count = len(lens.places)
    for number in range(min(SHOWN, lens.tokens)):
        own = lens.trajectories[number * count : (number + 1) * count]
        label, colour = outline(own[0].token), f"C{number}"
        band(panels[0], range(count), [one.probability for one in own], label, colour)
        if changed:
            told = [one.change for one in own if one.change is not None]
            band(panels[1], range(count), told, label, colour)
    panels[0].set_ylabel("probability")
    panels[0].set_yscale("log")
    panels[0].legend(fontsize=7)
    if changed:
        panels[1].axhline(0, color="grey", lw=0.8)
        panels[1].set_ylabel("change by tuning")
    _name(panels[-1], [one.place for one in lens.places])


def _name(axes: "Axes", places: Sequence[str]) -> None:
    axes.set_xticks(range(len(places)), places, rotation=90 if len(places) > 8 else 0)
    axes.set_xlabel("after layer")
