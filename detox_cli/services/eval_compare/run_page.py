"""Runs against each other as a page: the fronts as pictures, differences by language as bars, tables."""

from collections.abc import Iterator, Sequence

from detox_cli.services.eval_compare.run_result import FigureDifference, Front, RunCompareResult
from detox_cli.services.report.charts import Point, bars, plane
from detox_cli.services.report.page import Element, element, html_table, section


def parts(result: RunCompareResult) -> list[Element]:
    """The parts of the page."""
    found = []
    if result.fronts:
        drawn = [_front(front) for front in result.fronts]
        found.append(section("Toxicity against perplexity", element("div", *drawn, class_="charts")))
    for title, differences in (
        ("by prompt toxicity", result.by_stratum),
        ("by language", result.by_language),
    ):
        if drawn := list(_bars(differences)):
            found.append(section(f"Differences {title}", element("div", *drawn, class_="charts")))
    return [*found, *(section(table.title, html_table(table)) for table in result.tables())]


def _front(front: Front) -> Element:
    points = [Point(one.system, one.perplexity, one.toxicity, not one.dominated_by) for one in front.systems]
    return plane(f"{front.figure}, lower left is best", "perplexity", front.figure, points)


def _bars(differences: Sequence[FigureDifference]) -> Iterator[Element]:
    """One picture for each figure and pair of systems."""
    kinds: dict[tuple[str, str, str], list[FigureDifference]] = {}
    for one in differences:
        kinds.setdefault((one.figure, one.system, one.against), []).append(one)
    for (figure, system, against), some in kinds.items():
        yield bars(f"{figure}: {system} - {against}", [(one.group, one.difference) for one in some])
