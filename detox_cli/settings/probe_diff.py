"""Settings of ``detox probe diff``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.probe import ProbeModel
from detox_cli.settings.probe_prompts import ProbeLens


class ProbeDiffSettings(ProbeLens, ProbeModel):
    """``detox probe diff``: a model and what it became in, what changed in it out."""

    other: Annotated[str, Flag(positional=True, complete="causal", metavar="OTHER")] = Field(
        description="What the model became: by preference tuning, abliteration, negation or merging."
    )
    probe: Annotated[Path, Flag(complete="weights")] = Field(
        description="The probe of MODEL along which shifts are measured: a folder of `probe train`, its "
        ".safetensors, or a published .pt."
    )
    neurons: Annotated[Path | None, Flag(complete="neurons")] = Field(
        None, description="Neurons to follow: a neurons.json, or the published pickled list."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("diff"), description="Folder for report.html, the tables and pictures."
    )
    top: PositiveInt = Field(
        100, description="Of how many vectors nearest to the probe those are followed that promote it."
    )
    subspace: PositiveInt = Field(
        10, description="Dimensions of the toxic subspace: singular vectors of value vectors near the probe."
    )
    subspace_vectors: PositiveInt = Field(128, description="Value vectors that it is made of.")
    components: PositiveInt = Field(
        10, description="Principal components of the residual stream that the shift is held against."
    )
    random: PositiveInt = Field(
        100, description="Directions, sets of neurons and subspaces by chance that figures are held against."
    )
    seed: int = Field(0, description="Random seed of these and of the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    overwrite: bool = Field(False, description="Replace the output.")
