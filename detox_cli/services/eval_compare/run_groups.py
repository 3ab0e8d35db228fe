"""Systems against each other by language, by how toxic prompts are, and in the mean over languages."""

from collections.abc import Mapping, Sequence

import numpy as np

from detox_cli.services.eval_compare.contests import Contest
from detox_cli.services.eval_compare.run_figures import PERPLEXITY, corrected, differences, draw
from detox_cli.services.eval_compare.run_result import FigureDifference, MacroDifference
from detox_cli.services.eval_compare.runs import Run
from detox_cli.statistics.bootstrap import Estimate, Floats
from detox_cli.statistics.clusters import Places
from detox_cli.statistics.paired_ratios import Sums, drawn_figures

Groups = Mapping[str, Places]


def languages_of(run: Run) -> dict[str, Places]:
    """The prompts of each language, if there are several."""
    return _groups(run.columns.langs)


def strata_of(run: Run) -> dict[str, Places]:
    """The prompts of each kind, toxic and not, if there are both."""
    return _groups(run.columns.strata)


def in_groups(
    runs: Sequence[Run],
    contests: Sequence[Contest],
    figures: Sequence[str],
    groups: Groups,
    draws: tuple[int, int],
) -> list[FigureDifference]:
    """Every contest in every figure within each group; all groups and contests of a figure are one family.

    Args:
        runs: On the same prompts.
        contests: Who is compared with whom.
        figures: Which figures; one that says nothing about a group is left out there.
        groups: Prompts by the name of the group; languages that a scorer does not read have no figures of it.
        draws: Seed and number of draws.
    """
    found: list[FigureDifference] = []
    for name, rows in groups.items():
        systems = {run.name: run.sums(rows) for run in runs}
        told = [
            figure
            for figure in figures
            if all(figure in one for one in systems.values()) and name not in _strange(runs[0], figure)
        ]
        found += differences(contests, draw(systems, told, *draws), told, name)
    return corrected(found)


def macro(
    runs: Sequence[Run],
    contests: Sequence[Contest],
    figures: Sequence[str],
    languages: Groups,
    draws: tuple[int, int],
) -> list[MacroDifference]:
    """Every contest in the mean over languages, each counting the same; sentences are drawn in all languages.

    A figure about which a language says nothing is left out, and one by a scorer that does not read them all.
    """
    found = []
    for figure in figures:
        if (
            not languages
            or _strange(runs[0], figure)
            or not all(_told(run, figure, rows) for run in runs for rows in languages.values())
        ):
            continue
        centre, drawn = _macro_figures(runs, figure, languages, draws)
        n = int(sum(_told(runs[0], figure, rows) for rows in languages.values()))
        for one in contests:
            mine, theirs = one.system.name, one.against.name
            low, high = np.nanquantile(drawn[mine] - drawn[theirs], (0.025, 0.975))
            difference = Estimate(centre[mine] - centre[theirs], float(low), float(high), n)
            found.append(
                MacroDifference(
                    system=mine,
                    against=theirs,
                    figure=figure,
                    mean=centre[mine],
                    mean_against=centre[theirs],
                    difference=difference,
                )
            )
    return found


def shown(toxicity: Sequence[str], figures: Sequence[str]) -> list[str]:
    """Of all figures those that are compared within groups: of toxicity, and perplexity."""
    names = [name for name in figures if "/expected_maximum@" in name]
    return list(dict.fromkeys([*toxicity, *names, *(name for name in figures if name == PERPLEXITY)]))


def _strange(run: Run, figure: str) -> Sequence[str]:
    """The languages in which a figure means nothing."""
    return run.unread.get(figure.rpartition("/")[0], ())


def _groups(labels: Sequence[str]) -> dict[str, Places]:
    known = sorted(set(labels) - {""})
    return {one: np.flatnonzero(np.array(labels) == one) for one in known} if len(known) > 1 else {}


def _told(run: Run, figure: str, rows: Places) -> int:
    ratio = run.ratios.get(figure)
    return ratio.take(rows).n if ratio is not None else 0


def _macro_figures(
    runs: Sequence[Run], figure: str, languages: Groups, draws: tuple[int, int]
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The mean over languages of each system, and in every draw, there over those with a drawn unit."""
    parts = {run.name: [_all_units(run, figure, rows) for rows in languages.values()] for run in runs}
    table = drawn_figures([one for sums in parts.values() for one in sums], *draws)
    drawn = {
        name: np.nanmean(table[:, place * len(languages) : (place + 1) * len(languages)], axis=1)
        for place, name in enumerate(parts)
    }
    return {name: float(np.mean([one.figure for one in sums])) for name, sums in parts.items()}, drawn


def _all_units(run: Run, figure: str, rows: Places) -> Sums:
    """A figure of some rows over the units of all, so that draws of units are the same in every language."""
    ratio, units = run.ratios[figure], run.columns.units
    count = int(units.max()) + 1
    above, below = (
        np.bincount(units[rows], weights=part[rows], minlength=count).astype(np.float64)
        for part in (ratio.above, ratio.below)
    )
    return Sums(above, below, ratio.exponential)
