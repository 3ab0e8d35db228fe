"""Work over a Ray cluster: the options that every command with such work shares."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from detox_cli.settings.base import Flag, Section

RAY = Flag(panel="Ray cluster")


class ClusterOptions(Section):
    """Which cluster, and what of it each actor gets."""

    ray_address: Annotated[str | None, RAY] = Field(
        None,
        description="Address of the cluster's head, such as 10.0.0.1:6379; RAY_ADDRESS if not given, and "
        "without that a Ray of this machine alone.",
    )
    ray_actors: Annotated[PositiveInt | None, RAY] = Field(
        None, description="Actors, each with its own model; one for each of its GPUs, else one a machine."
    )
    ray_cpus: Annotated[PositiveFloat, RAY] = Field(1.0, description="Processor cores of an actor.")
    ray_gpus: Annotated[NonNegativeFloat | None, RAY] = Field(
        None, description="GPUs of an actor; as many as it needs where the cluster has some."
    )
    ray_restarts: Annotated[NonNegativeInt, RAY] = Field(
        3, description="How often each actor may die, and how many machines may be lost."
    )
