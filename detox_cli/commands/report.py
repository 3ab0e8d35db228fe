"""``detox report``: a page of what commands have made."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.report import ReportSettings


@command(
    "report",
    ReportSettings,
    examples=["detox report runs -o report.html", "detox report before after --title 'Before and after'"],
    needs_torch=False,
)
def report(settings: ReportSettings, progress: Progress) -> Result:
    """Put finished outputs on one self-contained page: figures, pictures, recipe and origin."""
    from detox_cli.services.report.run import run

    return run(settings, progress)
