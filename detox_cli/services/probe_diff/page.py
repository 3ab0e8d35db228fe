"""The report as one page."""

from pathlib import Path

from detox_cli.services.probe_diff.result import ProbeDiffResult
from detox_cli.services.report.charts import bars
from detox_cli.services.report.page import Element, element, html_table, section, write_page


def write_report(path: Path, result: ProbeDiffResult) -> None:
    """Write ``report.html``, with everything in it."""
    title = f"What changed from {result.model} to {result.other}"
    write_page(path, title, parts(result))


def parts(result: ProbeDiffResult) -> list[Element]:
    """Findings, then weights, stream and neurons with their charts."""
    read = result.activations
    found = [
        section("What it says", element("ul", *(element("li", line) for line in result.findings))),
        section("Weights", html_table(result.kinds_table())),
    ]
    along = [(f"layer {row.layer}", row.shift) for row in result.shifts]
    chart = element("div", bars("Shift along the probe, in standard deviations", along), class_="charts")
    found.append(section("Residual stream", html_table(result.shifts_table()), chart))
    charts = []
    if read.groups:
        groups = [(f"{row.group} ({row.neurons})", row.shift) for row in read.groups]
        charts.append(bars("What carries the shift along the probe", groups))
    changes = [(row.lang, row.change_same) for row in read.languages if row.change_same is not None]
    if changes:
        charts.append(bars("Change of the followed neurons, same tokens", changes))
    tables = [html_table(table) for table in read.tables()]
    found.append(section("Neurons", *tables, element("div", *charts, class_="charts")))
    return found
