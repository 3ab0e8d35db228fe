"""Settings of ``detox probe vectors``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.probe import ProbeModel
from detox_cli.settings.probe_prompts import ProbePrompts


class ProbeVectorsSettings(ProbePrompts, ProbeModel):
    """``detox probe vectors``: a model and a probe in, the value vectors that lie along it out."""

    probe: Annotated[Path, Flag(complete="weights")] = Field(
        description="The probe: a folder of `probe train`, its .safetensors, or a published .pt."
    )
    neurons: Annotated[Path | None, Flag(complete="neurons")] = Field(
        None,
        description="Describe these neurons in place of the nearest ones: a neurons.json, or the published "
        "pickled list.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("vectors"), description="Folder for neurons.json, the tables and pictures."
    )
    top: PositiveInt = Field(100, description="How many vectors are listed on each side of the probe.")
    per_layer: bool = Field(False, description="List so many of each layer, in place of the whole model.")
    activations: bool = Field(
        True, description="Let the model continue prompts, to see with which sign each neuron is active."
    )
    words: PositiveInt = Field(
        10, description="Tokens that are listed as raised, and as lowered, by a vector."
    )
    parallel: Annotated[tuple[str, ...], Flag(complete="rows", metavar="FILE")] = Field(
        (),
        description="Sentences in several languages, as probe retrieval reads them, in which tokens are "
        "counted, to say in which language each occurs; repeatable.",
    )
    components: NonNegativeInt = Field(
        3, description="Singular vectors of the nearest value vectors that are described too."
    )
    component_vectors: PositiveInt = Field(128, description="Value vectors that these are made of.")
    random: PositiveInt = Field(100, description="Directions by chance that cosines are held against.")
    seed: int = Field(0, description="Random seed of these and of the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    overwrite: bool = Field(False, description="Replace the output.")
