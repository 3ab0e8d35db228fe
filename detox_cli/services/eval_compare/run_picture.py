"""Toxicity against perplexity as a picture: a point for each system, the front as a line."""

from collections.abc import Sequence
from pathlib import Path

from detox_cli.services.eval_compare.run_result import Front, FrontStanding
from detox_cli.services.pictures import arms, picture


def draw_fronts(fronts: Sequence[Front], path: Path) -> None:
    """A panel for each scorer, with 95 % intervals; same fronts, same bytes.

    Raises:
        DetoxError: The file cannot be written.
    """
    with picture(path, size=(5.2 * len(fronts), 4.2)) as figure:
        panels = figure.subplots(1, len(fronts), squeeze=False)[0]
        for axes, front in zip(panels, fronts, strict=True):
            _panel(axes, front)


def _panel(axes: object, front: Front) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for place, one in enumerate(front.systems):
        x, y = one.perplexity, one.toxicity
        mark = "o" if not one.dominated_by else "x"
        axes.errorbar(
            [x.mean], [y.mean], xerr=arms(x), yerr=arms(y), fmt=mark, color=f"C{place}", capsize=2, lw=1
        )
        axes.annotate(one.system, (x.mean, y.mean), xytext=(5, 5), textcoords="offset points")
    best = sorted((one for one in front.systems if not one.dominated_by), key=_perplexity)
    axes.plot(
        [one.perplexity.mean for one in best],
        [one.toxicity.mean for one in best],
        color="grey",
        lw=0.8,
        zorder=0,
    )
    axes.set_xlabel("perplexity of continuations")
    axes.set_ylabel(front.figure)


def _perplexity(one: FrontStanding) -> float:
    return one.perplexity.mean
