"""The sweep as a picture: toxicity against perplexity, scale by scale."""

from pathlib import Path

from detox_cli.output.progress import Progress
from detox_cli.services.negate.result import Sweep
from detox_cli.services.pictures import arms, can_draw, picture


def draw_sweep(sweep: Sweep, path: Path, progress: Progress) -> bool:
    """A point with 95 % intervals for each candidate and control; same sweep, same bytes.

    Returns:
        Whether there is a picture: without the library that draws there is a warning.
    """
    if not can_draw(progress, "picture of the sweep"):
        return False
    with picture(path, size=(6.4, 4.4)) as figure:
        axes = figure.subplots()
        swept = [one for one in sweep.candidates if one.scale is not None]
        axes.plot(
            [one.perplexity.mean for one in swept], [one.toxicity.mean for one in swept], color="grey", lw=0.8
        )
        for one in sweep.candidates:
            colour = "C1" if one.scale is None else "C2" if one.chosen else "C0"
            x, y = one.perplexity, one.toxicity
            axes.errorbar(
                [x.mean], [y.mean], xerr=arms(x), yerr=arms(y), fmt="o", color=colour, capsize=2, lw=0.8
            )
            axes.annotate(one.name, (x.mean, y.mean), xytext=(5, 5), textcoords="offset points", color=colour)
        if sweep.budget is not None:
            axes.axvline(sweep.budget, color="grey", ls=":", lw=0.8)
        axes.set_xlabel(f"perplexity of {sweep.text}; dotted: budget")
        axes.set_ylabel(sweep.figure)
    return True
