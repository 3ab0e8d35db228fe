"""The way to a Ray cluster, and what it has room for."""

import importlib.util
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from detox_cli.errors import BadSettings, DetoxError, Missing
from detox_cli.runs.cluster.worker import fitting, machines

INSTALL = "pip install 'detox-cli[ray]'"
START = (
    "start it with `ray start --head`, check --ray-address and RAY_ADDRESS, "
    "or set RAY_AUTH_MODE=token where it has a token"
)
CONNECT_SECONDS = 10.0
STORE_BYTES = 256 * 2**20
"""The object store of a Ray that is started here: it holds texts only."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else its core writes to this process's stderr
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and what of it an actor gets.

    Attributes:
        address: ``HOST:PORT`` of its head; ``None`` is ``RAY_ADDRESS``, else this machine alone.
        actors: How many; ``None`` is one for each group of ``gpus``, without GPUs one for each machine.
        cpus: Processor cores of an actor.
        gpus: GPUs of an actor.
        gpus_if_any: None, where the cluster has no GPU.
        restarts: How often an actor may die, and how many machines may be lost.
    """

    address: str | None = None
    actors: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    gpus_if_any: bool = False
    restarts: int = 3


def require_ray() -> None:
    """Raise ``Missing`` if Ray Data is not installed."""
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("ray.data") is None:
        raise Missing("Ray is not installed", where="--engine ray", hint=INSTALL)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """The module ``ray``, connected; a Ray that was started here ends with it, with all of its processes.

    Raises:
        Missing: Ray is not installed, or no cluster answers.
        BadSettings: The address is none, or the cluster has another Ray or Python.
    """
    require_ray()
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        message = "this process is connected to a Ray cluster already"
        raise DetoxError(message, hint="end that with ray.shutdown() first")
    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    _check(address)
    ended = signal.getsignal(signal.SIGTERM)
    try:
        _connect(ray, address, cluster)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ended)  # Ray puts its own there, which leaves with another code
        yield ray
    finally:
        ray.shutdown()


def settled(cluster: Cluster) -> Cluster:
    """With the GPUs that an actor gets on the machines that are there."""
    if cluster.gpus_if_any and not any(resources.get("GPU") for resources in machines()):
        return replace(cluster, gpus=0.0)
    return cluster


def room(cluster: Cluster) -> int:
    """How many actors fit on the machines that are alive."""
    return sum(fitting(resources, cluster.cpus, cluster.gpus) for resources in machines())


def actors_for(cluster: Cluster) -> int:
    """How many actors to start now.

    Raises:
        BadSettings: Not even one fits.
    """
    alive = machines()
    most = [fitting(resources, cluster.cpus, cluster.gpus) for resources in alive]
    if not sum(most):
        largest = max(alive, key=lambda some: (some.get("GPU", 0), some.get("CPU", 0)), default={})
        raise BadSettings(
            f"no machine of the cluster has room for an actor with {cluster.cpus:g} CPUs and "
            f"{cluster.gpus:g} GPUs; the largest has {largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}",
            where="--engine ray",
            hint="lower --ray-cpus or --ray-gpus",
        )
    own = sum(most) if cluster.gpus else sum(map(bool, most))
    return min(cluster.actors or own, sum(most))


def _check(address: str) -> None:
    """See that something listens, since Ray itself tries for a minute."""
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if "//" in address or not host or not port.isdigit():
        hint = "give the address of its head as `ray start --head` says it, such as 10.0.0.1:6379"
        raise BadSettings(f"no address of a Ray cluster: {address}", where="--ray-address", hint=hint)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Missing(f"no Ray cluster answers there ({reason})", where=address, hint=START) from error


def _connect(ray: Any, address: str, cluster: Cluster) -> None:
    own = {}
    if address == "local":
        wanted = cluster.cpus * (cluster.actors or 1)
        own = {
            "num_cpus": max(int(wanted + 0.999), os.cpu_count() or 1),
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
        }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address, logging_level=logging.CRITICAL, log_to_driver=False, **own)
    except ConnectionError as error:
        raise Missing(f"no Ray cluster answers ({_line(error)})", where=address, hint=START) from error
    except Exception as error:  # Ray raises plain ones, such as where its own processes do not come up
        if "ersion mismatch" in str(error):
            hint = "install the same Ray and the same Python on all machines"
            raise BadSettings(_line(error), where=address, hint=hint) from error
        hint = "see its logs in /tmp/ray/session_latest/logs, or leave out --engine ray"
        raise DetoxError(f"Ray does not start: {_line(error)}", where=address, hint=hint) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
