"""The sweep as a picture: toxicity against perplexity, scale by scale."""

from importlib.util import find_spec
from pathlib import Path

from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file
from detox_cli.services.eval_compare.picture import undated
from detox_cli.services.negate.result import Sweep
from detox_cli.statistics.bootstrap import Estimate


def draw_sweep(sweep: Sweep, path: Path, progress: Progress) -> bool:
    """A point with 95 % intervals for each candidate and control; same sweep, same bytes.

    Returns:
        Whether there is a picture: without the library that draws there is a warning.
    """
    if find_spec("matplotlib") is None:
        progress.warn("no picture of the sweep: matplotlib is missing; pip install 'detox-cli[plots]'")
        return False
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "detox", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.subplots()
        swept = [one for one in sweep.candidates if one.scale is not None]
        axes.plot(
            [one.perplexity.mean for one in swept], [one.toxicity.mean for one in swept], color="grey", lw=0.8
        )
        for one in sweep.candidates:
            colour = "C1" if one.scale is None else "C2" if one.chosen else "C0"
            x, y = one.perplexity, one.toxicity
            axes.errorbar(
                [x.mean], [y.mean], xerr=_arms(x), yerr=_arms(y), fmt="o", color=colour, capsize=2, lw=0.8
            )
            axes.annotate(one.name, (x.mean, y.mean), xytext=(5, 5), textcoords="offset points", color=colour)
        if sweep.budget is not None:
            axes.axvline(sweep.budget, color="grey", ls=":", lw=0.8)
        axes.set_xlabel(f"perplexity of {sweep.text}; dotted: budget")
        axes.set_ylabel(sweep.figure)
        axes.spines[["top", "right"]].set_visible(False)
        kind = path.suffix.removeprefix(".")
        with atomic_file(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=200, metadata=undated(kind))
    return True


def _arms(one: Estimate) -> list[list[float]]:
    return [[max(0.0, one.mean - one.low)], [max(0.0, one.high - one.mean)]]
