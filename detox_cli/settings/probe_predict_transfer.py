"""Settings of ``detox probe predict-transfer``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Section


class ProbePredictTransferSettings(Section):
    """``detox probe predict-transfer``: retrieval of a model in, what a detoxification may do to it out."""

    folder: Annotated[Path, Flag(positional=True, complete="folder", metavar="RETRIEVAL")] = Field(
        description="What `probe retrieval` says of the model that is to be detoxified."
    )
    known: Annotated[tuple[Path, ...], Flag(complete="folder")] = Field(
        (),
        description="Folders of `probe retrieval --effect`, of models that were detoxified before; "
        "repeatable. Without any, languages of RETRIEVAL that have an effect tell of its others.",
    )
    measure: Literal["p1", "p1_centred", "p1_csls", "mrr", "cosine"] = Field(
        "p1", description="The measure of retrieval that effects are predicted from."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("transfer"), description="Folder for figures and pictures."
    )
    seed: int = Field(0, description="Random seed of the intervals.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    overwrite: bool = Field(False, description="Replace the output.")
