"""Cosines of all value vectors by layer, and where the nearest are."""

from typing import TYPE_CHECKING

from detox_cli.services.probe_vectors.result import ProbeVectorsResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def paint(result: ProbeVectorsResult, figure: "Figure") -> None:
    """The spread of every layer, the listed vectors as points, and what chance reaches as dotted lines."""
    axes, words = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    layers = [row.layer for row in result.layers]
    low, high = [row.low for row in result.layers], [row.high for row in result.layers]
    axes.fill_between(layers, low, high, color="C0", alpha=0.15, lw=0, label="all vectors")
    inner = [row.p1 for row in result.layers], [row.p99 for row in result.layers]
    axes.fill_between(layers, *inner, color="C0", alpha=0.3, lw=0, label="98 % of them")
    for sign, label in ((1, "95 % of directions by chance"), (-1, None)):
        axes.axhline(sign * result.by_chance, color="grey", ls=":", lw=0.8, label=label)
    colours = {1: "C3", -1: "C0", 0: "grey", None: "C1"}
    names = {1: "promotes", -1: "suppresses", 0: "rests", None: "listed"}
    for kind in dict.fromkeys(row.promotes for row in result.vectors):
        rows = [row for row in result.vectors if row.promotes == kind]
        x, y = [row.layer for row in rows], [row.cosine for row in rows]
        axes.scatter(x, y, s=9, color=colours[kind], label=names[kind])
    axes.set_ylabel("cosine with the probe")
    axes.legend(fontsize=7)
    words.bar(layers, [row.toward for row in result.layers], color="C3", alpha=0.6)
    words.bar(layers, [-row.away for row in result.layers], color="C0", alpha=0.6)
    words.set_ylabel("how many")
    words.set_xlabel("layer")
    words.locator_params(axis="x", integer=True)
