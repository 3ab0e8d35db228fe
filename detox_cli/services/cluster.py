"""A model that runs on the machines of a Ray cluster, each of which finds and loads it by itself."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from detox_cli.errors import BadSettings
from detox_cli.generation.ray_engine import RayEngine
from detox_cli.generation.requests import DivisibleEngine, Engine
from detox_cli.generation.transformers_engine import Warn
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.cluster.connect import Cluster, require_ray
from detox_cli.services.writers import LocalWriter, ServedWriter
from detox_cli.settings.cluster import ClusterOptions
from detox_cli.settings.engine import EngineOptions
from detox_cli.settings.evaluate import EvalRewriteSettings

SHARED = "put it at the same place on every machine, such as on a disk that they share"


@dataclass(frozen=True)
class RayPlace:
    """Where a model runs that is in no machine's process alone.

    Attributes:
        cluster: The actors.
    """

    cluster: Cluster

    def engine(self, writer: LocalWriter | ServedWriter, progress: Progress) -> Engine:
        """The engine that hands its work to the actors; it connects when it is asked for something."""
        progress.stage(f"loading {writer.name} in the actors of the cluster")
        load = partial(load_there, options_there(writer), writer.fingerprint)
        known = {"engine": writer.options.engine, "model": writer.name, "fingerprint": writer.fingerprint}
        return RayEngine(self.cluster, load, known, progress.warn)


class Told(Silent):
    """Hands on what a user should know, and nothing else."""

    def __init__(self, hand_on: Warn) -> None:
        self._hand_on = hand_on

    def warn(self, message: str) -> None:
        """Hand it on."""
        self._hand_on(message)


def load_there(options: EngineOptions, fingerprint: str, warn: Warn) -> DivisibleEngine:
    """The engine of one actor, with the model as its machine finds it.

    Keys of servers are read from the environment of that machine: none goes over the network.

    Raises:
        BadSettings: The model there is another one.
        Missing: It is not there.
    """
    from detox_cli.services.engine import find_writer

    writer = find_writer(options)
    if writer.fingerprint != fingerprint:
        message = f"{options.model} is another model on a machine of the cluster than here"
        raise BadSettings(message, where="--engine ray", hint=SHARED)
    return cast(DivisibleEngine, writer.load(Told(warn)))


def of_one_machine(options: EngineOptions) -> EngineOptions:
    """The same model with the engine of an actor, without what is said of the cluster."""
    there = set(EngineOptions.model_fields) - {*ClusterOptions.model_fields, "ray_engine", "engine"}
    return EngineOptions(engine=options.ray_engine, **{name: getattr(options, name) for name in there})


def options_there(writer: LocalWriter | ServedWriter) -> EngineOptions:
    """What an actor is told: folders by their whole path, and a Hub model by its commit."""
    options = writer.options
    if isinstance(writer, ServedWriter):
        return options
    instead: dict[str, object] = {"revision": writer.source.revision}
    if writer.source.kind == "folder":
        instead["model"] = writer.source.location
    if options.adapter is not None:
        instead["adapter"] = Path(options.adapter).expanduser().resolve()
    return options.model_copy(update=instead)


def check_cluster(options: EvalRewriteSettings) -> None:
    """Refuse what is said of a cluster where none is asked for, and a cluster without Ray.

    Raises:
        BadSettings: An option would have to be ignored.
        Missing: Ray is not installed.
    """
    if options.engine == "ray":
        return require_ray()
    for name, known in ClusterOptions.model_fields.items():
        if getattr(options, name) != known.default:
            flag = f"--{name.replace('_', '-')}"
            raise BadSettings(f"{flag} has no meaning without a cluster", hint="add --engine ray")


def cluster_of(options: ClusterOptions, gpus: float) -> Cluster:
    """The cluster that the options name.

    Args:
        options: What the user said.
        gpus: What an actor needs where the cluster has GPUs, if the user has not said it.
    """
    given = options.ray_gpus
    return Cluster(
        address=options.ray_address,
        actors=options.ray_actors,
        cpus=options.ray_cpus,
        gpus=gpus if given is None else given,
        gpus_if_any=given is None,
        restarts=options.ray_restarts,
    )
