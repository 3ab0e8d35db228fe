"""Settings of ``detox demo``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section


class DemoSettings(Section):
    """``detox demo``: the whole road from toxic sentences to a scored rewriter."""

    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("detox-demo"), description="Folder for everything that is made on the way."
    )
    data: Annotated[str | None, Flag(complete="sample")] = Field(
        None, description="Your own pairs in place of the bundled sample: a toxic and a neutral column."
    )
    limit: PositiveInt | None = Field(None, description="Use the first N rows only.")
    test_share: float = Field(0.25, gt=0, lt=1, description="Share of sources kept for the final scores.")
    show: NonNegativeInt = Field(6, description="Test sentences to print at the end.")
    redact: bool = Field(True, description="Mask listed words where sentences are printed.")
    seed: int = Field(0, description="Random seed of all steps.")
    overwrite: bool = Field(False, description="Replace what another run left in the folder.")
