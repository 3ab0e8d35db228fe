"""The layer sweep and the languages as tables and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.output.progress import Progress
from detox_cli.services.pictures import band, shown
from detox_cli.services.probe_train.figures import ProbeFigures
from detox_cli.services.probe_train.result import LayerProbe, ProbeTrainResult
from detox_cli.services.probe_train.transfer import Transfer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_pictures(result: ProbeTrainResult, folder: Path, progress: Progress) -> None:
    """Write ``layers`` and, where there are several languages, ``transfer``."""
    rows = [row for one in result.layers for row in _rows(one)]
    shown(folder / "layers", rows, lambda figure: _paint_layers(figure, result), progress)
    if result.transfers:
        tested = len({one.tested for one in result.transfers})
        size = (2.5 + 0.45 * tested, 1.5 + 0.45 * (tested + 1))
        table = [
            {"trained": one.trained, "tested": one.tested, "texts": one.texts, **one.auroc.parts()}
            for one in result.transfers
        ]
        shown(
            folder / "transfer", table, lambda f: _paint_transfers(f, result.transfers), progress, size=size
        )


def _rows(one: LayerProbe) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind, figures in (("natural", one.natural), ("balanced", one.balanced)):
        for metric in ProbeFigures.model_fields:
            value = getattr(figures, metric)
            rows.append({"place": one.place, "texts": kind, "metric": metric, **value.parts()})
    if one.random is not None:
        rows.append(
            {"place": one.place, "texts": "natural", "metric": "random_auroc", **one.random.mean.parts()}
        )
    return rows


def _paint_layers(figure: "Figure", result: ProbeTrainResult) -> None:
    axes = figure.subplots()
    x = list(range(len(result.layers)))
    band(axes, x, [one.natural.auroc for one in result.layers], "AUROC", "C0")
    band(axes, x, [one.balanced.accuracy for one in result.layers], "accuracy, balanced", "C1")
    chance = [one.random.mean for one in result.layers if one.random is not None]
    if len(chance) == len(x):
        band(axes, x, chance, "AUROC, random directions", "grey")
    axes.axvline([one.place for one in result.layers].index(result.chosen), color="grey", ls=":", lw=0.8)
    axes.set_xticks(x, [one.place for one in result.layers], rotation=90 if len(x) > 12 else 0)
    axes.set_xlabel("layer; dotted: chosen by validation texts")
    axes.set_ylabel("on test texts, with 95 % intervals")
    axes.legend(frameon=False)


def _paint_transfers(figure: "Figure", transfers: Sequence[Transfer]) -> None:
    axes = figure.subplots()
    trained = list(dict.fromkeys(one.trained for one in transfers))
    tested = list(dict.fromkeys(one.tested for one in transfers))
    found = {(one.trained, one.tested): one.auroc.mean for one in transfers}
    image = axes.imshow([[found[a, b] for b in tested] for a in trained], vmin=0.5, vmax=1, cmap="viridis")
    for row, a in enumerate(trained):
        for column, b in enumerate(tested):
            dark = found[a, b] < 0.8
            axes.text(
                column, row, f"{100 * found[a, b]:.0f}", ha="center", va="center", size=7,
                color="white" if dark else "black",
            )  # fmt: skip
    axes.set_xticks(range(len(tested)), tested, rotation=90)
    axes.set_yticks(range(len(trained)), trained)
    axes.set_xlabel("tested in")
    axes.set_ylabel("trained in")
    figure.colorbar(image, ax=axes, label="AUROC")
