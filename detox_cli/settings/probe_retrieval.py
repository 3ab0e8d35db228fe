"""Settings of ``detox probe retrieval``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Languages
from detox_cli.settings.probe import ProbeReading


class ProbeRetrievalSettings(ProbeReading):
    """``detox probe retrieval``: parallel sentences in, how well each finds its translation out."""

    data: Annotated[tuple[str, ...], Flag(complete="rows", metavar="FILE")] = Field(
        min_length=1,
        description="Parallel sentences: a table or JSON lines with a column for each language (en, ...), or "
        "RTP-LX as files, folder or zip; ARCHIVE.zip/FILE is a file in a zip; repeatable.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("retrieval"), description="Folder for figures and pictures."
    )
    pivot: str = Field("en", description="The language that every other one is held against.")
    languages: Languages = Field(
        (), description="Languages to hold against it, such as de,fr; all if not given."
    )
    limit: PositiveInt | None = Field(
        None, description="Use the first N sentence pairs of each language only."
    )
    neighbours: PositiveInt = Field(
        10, description="Nearest sentences that CSLS takes the usual similarity of a sentence from."
    )
    effect: Annotated[tuple[str, ...], Flag(complete="rows", metavar="BEFORE|AFTER|FILE")] = Field(
        (),
        max_length=2,
        description="What a detoxification did in each language: two folders of eval generation, before and "
        "after, each with its own --effect; or one table with columns lang and effect.",
    )
    password: str | None = Field(None, description="Password of a zip file.")
    seed: int = Field(0, description="Random seed of the intervals.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for unusable rows; OUTPUT.rejects.jsonl if not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
