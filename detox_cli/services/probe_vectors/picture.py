"""Tables and pictures: cosines of all value vectors by layer, and what the listed ones say."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import listed, shown
from detox_cli.services.probe.flat import flat_rows
from detox_cli.services.probe_vectors.result import ProbeVectorsResult
from detox_cli.services.probe_vectors.tokens import TokenRow, paint_spread, spread_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_pictures(
    result: ProbeVectorsResult, tokens: Sequence[TokenRow], folder: Path, progress: Progress
) -> None:
    """``vectors``, ``tokens``, and ``languages`` where these are known."""
    shown(folder / "vectors", flat_rows(result.vectors), lambda figure: paint(result, figure), progress)
    listed(folder / "tokens", [row.model_dump() for row in tokens])
    told = [one for one in result.spreads if one.shares]
    if told:
        size = (1.5 + 0.45 * len(told[0].shares), 4.0)
        rows = spread_rows(told)
        shown(folder / "languages", rows, lambda figure: paint_spread(told, figure), progress, size=size)


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
