"""Settings of ``detox probe activations``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.probe import ProbeModel
from detox_cli.settings.probe_prompts import ProbeLens


class ProbeActivationsSettings(ProbeLens, ProbeModel):
    """``detox probe activations``: what every neuron does while a model writes, before and after tuning."""

    tuned: Annotated[str | None, Flag(complete="causal")] = Field(
        None, description="The model after tuning, of the same shape: both are compared neuron by neuron."
    )
    probe: Annotated[Path | None, Flag(complete="weights")] = Field(
        None,
        description="The probe of MODEL, for what each neuron adds along it: a folder of `probe train`, its "
        ".safetensors, or a published .pt.",
    )
    neurons: Annotated[Path | None, Flag(complete="neurons")] = Field(
        None,
        description="Neurons to follow: a neurons.json, or the published pickled list; those that promote "
        "the probe on half of the prompts if not given.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("activations"), description="Folder for the statistics, tables and pictures."
    )
    top: PositiveInt = Field(
        100, description="Of how many vectors nearest to the probe those are followed that promote it."
    )
    positivity: Literal["promoting", "positive", "off"] | None = Field(
        None,
        description="Which of the nearest vectors, or of --neurons, are followed: those whose mean on half "
        "of the prompts promotes the probe, those where it is above 0 (as published), or all; promoting if "
        "not given, and off with --neurons.",
    )
    gates: bool = Field(True, description="Count gates and linear keys of gated MLPs too.")
    random: NonNegativeInt = Field(
        100, description="Sets of neurons, and directions, by chance that figures are held against."
    )
    seed: int = Field(0, description="Random seed of these and of the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    overwrite: bool = Field(False, description="Replace the output.")
