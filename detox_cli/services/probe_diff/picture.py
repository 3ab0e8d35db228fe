"""Pictures of what changed: weights by layer, and the stream."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detox_cli.services.pictures import band
from detox_cli.services.probe_diff.result import ShiftRow, TensorRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def paint_tensors(rows: Sequence[TensorRow], figure: "Figure") -> None:
    """How far the tensors of each kind moved, by layer; and the share that is in the toxic subspace."""
    far, toxic = figure.subplots(2, 1, sharex=True)
    inside = [row for row in rows if row.layer is not None]
    for number, kind in enumerate(dict.fromkeys(row.kind for row in inside)):
        mine, colour = [row for row in inside if row.kind == kind], f"C{number}"
        layers, moved = [row.layer for row in mine], [row.relative or 0.0 for row in mine]
        far.scatter(layers, moved, s=14, alpha=0.7, label=kind, color=colour)
        written = [row for row in mine if row.toxic is not None]
        if written:
            layers = [row.layer for row in written]
            toxic.scatter(layers, [row.toxic for row in written], s=14, color=colour)
            toxic.scatter(layers, [row.by_chance for row in written], s=60, marker="_", color=colour)
    far.set_ylabel("relative difference")
    far.legend(fontsize=7)
    toxic.set_ylabel("in the toxic subspace\n(line: 95 % by chance)")
    toxic.set_xlabel("layer")
    toxic.locator_params(axis="x", integer=True)


def paint_shifts(rows: Sequence[ShiftRow], figure: "Figure") -> None:
    """The shift along the probe with its interval, what chance reaches, and how far the stream moved."""
    along, whole = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    layers = [row.layer for row in rows]
    band(along, layers, [row.shift for row in rows], "along the probe", "C3")
    high = [row.random_high for row in rows]
    along.fill_between(layers, [-value for value in high], high, color="grey", alpha=0.2, lw=0)
    along.plot([], [], color="grey", alpha=0.4, lw=6, label="95 % of random directions")
    along.axhline(0, color="grey", lw=0.8)
    along.set_ylabel("standard deviations")
    along.legend(fontsize=7)
    whole.plot(layers, [row.relative for row in rows], marker="o", ms=3, lw=1, label="length of the shift")
    whole.plot(
        layers, [row.same_way for row in rows], marker="o", ms=3, lw=1, label="prompts move the same way"
    )
    whole.plot(
        layers, [row.principal for row in rows], marker="o", ms=3, lw=1, label="in principal components"
    )
    whole.set_xlabel("layer")
    whole.locator_params(axis="x", integer=True)
    whole.legend(fontsize=7)
