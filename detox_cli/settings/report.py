"""Settings of ``detox report``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

from detox_cli.settings.base import Flag, Section


class ReportSettings(Section):
    """Which outputs go on a page, and how much of each."""

    outputs: Annotated[tuple[Path, ...], Flag(positional=True, complete="file", metavar="OUTPUT")] = Field(
        min_length=1, description="Finished outputs of commands, or folders that hold some."
    )
    output: Annotated[Path, Flag(("-o",), complete="page")] = Field(
        Path("report.html"), description="The page to write, or - for stdout."
    )
    title: str = Field("detox report", description="The heading of the page.")
    samples: NonNegativeInt = Field(5, description="Rows to show of every file of rows.")
    redact: bool = Field(
        True, description="Show texts in outline, of every word the first letter; else as they are."
    )
    overwrite: bool = Field(False, description="Replace the page if it is there.")
