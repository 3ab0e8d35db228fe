"""The bars of win, tie and loss, as papers show them."""

from importlib.util import find_spec
from pathlib import Path

from detox_cli.errors import BadSettings, Missing
from detox_cli.services.eval_compare.result import SideBySide
from detox_cli.services.pictures import picture

SUFFIXES = (".png", ".svg", ".pdf")
PARTS = {"win": "#7fb2d6", "tie": "#e8dcb5", "loss": "#d98880", "unparsed": "#c8c8c8"}
"""The parts of a bar, left to right, and their colours, which differ in lightness too."""


def check_picture(path: Path) -> None:
    """Refuse a picture that cannot be drawn, before work is done for it.

    Raises:
        BadSettings: The suffix names no format.
        Missing: The library that draws is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        hint = f"end its name in one of {', '.join(SUFFIXES)}"
        raise BadSettings("the suffix names no picture", where=f"--picture {path}", hint=hint)
    if find_spec("matplotlib") is None:
        raise Missing("--picture needs matplotlib", hint="pip install 'detox-cli[plots]'")


def draw(votes: list[SideBySide], path: Path) -> None:
    """A bar for each contest and kind of vote, with the interval of the wins; same votes, same bytes.

    Raises:
        DetoxError: The file cannot be written.
    """
    with picture(path, size=(7.5, 1.1 + 0.45 * len(votes))) as figure:
        axes = figure.subplots()
        places = list(range(len(votes)))[::-1]
        shown = [part for part in PARTS if part != "unparsed" or any(one.unparsed.mean for one in votes)]
        left = [0.0] * len(votes)
        for part in shown:
            widths = [100 * getattr(one, part).mean for one in votes]
            bars = axes.barh(places, widths, left=left, color=PARTS[part], label=part, height=0.7)
            axes.bar_label(bars, [f"{w:.0f}" if w >= 3 else "" for w in widths], label_type="center")
            left = [start + width for start, width in zip(left, widths, strict=True)]
        wins = [100 * one.win.mean for one in votes]
        below = [100 * (one.win.mean - one.win.low) for one in votes]
        above = [100 * (one.win.high - one.win.mean) for one in votes]
        axes.errorbar(wins, places, xerr=[below, above], fmt="none", ecolor="black", capsize=3, lw=1)
        axes.set_yticks(places, [f"{one.system} against {one.against}\nby {one.by}" for one in votes])
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of rows; whiskers: 95 % interval of the wins")
        figure.legend(loc="outside upper center", ncols=len(shown), frameon=False)
