"""Shares of a job over a cluster by Ray Data: handed out as actors get free, given back as they get ready."""

import logging
import pickle
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from detox_cli import __version__
from detox_cli.errors import BadSettings, DetoxError
from detox_cli.runs.cluster import worker
from detox_cli.runs.cluster.connect import Cluster, actors_for, connected, room, settled

R = TypeVar("R", covariant=True)
Warn = Callable[[str], None]
IN_FLIGHT = 2
"""Shares that an actor has at a time: the one that it works on, and the next."""
SAME = "use machines of one kind, and one of --device, --dtype and --attention for all of them"
AGAIN = "the same command goes on from here"


class Worker(Protocol[R]):
    """A job that is open in an actor, with its model in memory."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What does the work, with everything that can change a bit of it."""

    def answer(self, share: int) -> Sequence[R]:
        """The results of one share."""


class Job(Protocol[R]):
    """What actors do; it is pickled, and holds no secret."""

    def open(self, warn: Warn) -> Worker[R]:
        """Load what is needed, in an actor."""


class Done(NamedTuple):
    """A share that is done: its number, what did it, and its results."""

    share: int
    identity: dict[str, str]
    results: list[Any]


class _Lost(Exception):
    """A machine is gone, and there is no room for its actors elsewhere."""


def spread(cluster: Cluster, job: Job[Any], shares: Sequence[int], warn: Warn) -> Iterator[Done]:
    """Do ``shares`` of a job on the cluster, and give each back when it is ready, in any order.

    An actor that dies is started again by Ray, up to ``cluster.restarts`` times, and its shares are done
    again. Where a machine is lost for which there is no room elsewhere, what is left is handed to the others.

    Raises:
        DetoxError: What an actor raised, as it was there; or actors died too often.
        BadSettings: Machines differ, or one lacks this version of detox.
        Missing: No cluster answers, or Ray is not installed.
    """
    left, told = list(shares), set[str]()
    known: dict[str, str] = {}
    for lost in range(cluster.restarts + 1):
        try:
            with connected(cluster) as ray, closing(_execute(ray, cluster, job, left)) as answers:
                for number, identity, said, results, trouble in answers:
                    for line in dict.fromkeys(said):
                        if line not in told:
                            told.add(line)
                            warn(line)
                    _raise(trouble)
                    known = known or identity
                    _check_same(known, identity)
                    left.remove(number)
                    yield Done(number, identity, results)
            return
        except _Lost as error:
            if lost == cluster.restarts:
                raise DetoxError(f"{error}, and {lost} before it", hint=AGAIN) from error
            warn(f"{error}; {len(left)} shares of the work go to the others")


def _execute(ray: Any, cluster: Cluster, job: Job[Any], shares: Sequence[int]) -> Generator[Any]:
    """The unpacked answers of one execution of Ray Data."""
    cluster = settled(cluster)
    actors = min(actors_for(cluster), len(shares))
    dataset = _dataset(ray, cluster, job, shares, actors)
    blocks = iter(dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))
    try:
        for block in blocks:
            for answer in block["answer"]:
                yield pickle.loads(answer.as_py())
    except Exception as error:
        if room(cluster) < actors:
            raise _Lost("a machine of the cluster is lost") from error
        raise _died(error, cluster) from error
    finally:
        blocks.close()


def _dataset(ray: Any, cluster: Cluster, job: Job[Any], shares: Sequence[int], actors: int) -> Any:
    """Shares as rows, mapped by a pool of actors; Ray Data holds back what nobody takes."""
    from ray import data
    from ray.cloudpickle import register_pickle_by_value

    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    register_pickle_by_value(worker)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_consecutive_actor_init_deaths = cluster.restarts
    watch = type("Watch", (worker.Watch,), {"actors": actors, "cpus": cluster.cpus, "gpus": cluster.gpus})
    context.custom_execution_callback_classes = [watch]
    packed = {"job": ray.put(pickle.dumps(job))}
    rows = data.from_items([{"share": share} for share in shares], override_num_blocks=len(shares))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the only way to limit restarts, which leaves with Ray 2.64
        return rows.map_batches(
            worker.DetoxWorker,
            fn_constructor_kwargs={"version": __version__, "packed": packed, "folder": str(Path.cwd())},
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=IN_FLIGHT),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
            ray_remote_args_fn=partial(dict, max_restarts=cluster.restarts, max_task_retries=-1),
        )


def _raise(trouble: tuple[str, Any] | None) -> None:
    if trouble is None:
        return
    kind, what = trouble
    if kind == "unfit":
        hint = f"install detox {__version__} there, for the Python that runs Ray"
        raise BadSettings(str(what), where="--engine ray", hint=hint)
    raise pickle.loads(what)


def _check_same(known: Mapping[str, str], identity: Mapping[str, str]) -> None:
    """Answers of machines that compute otherwise would not be those of one machine."""
    for name, value in identity.items():
        if known.get(name) != value:
            message = f"the machines of the cluster differ in {name}: {known.get(name)} and {value}"
            raise BadSettings(message, where="--engine ray", hint=SAME)


def _died(error: Exception, cluster: Cluster) -> DetoxError:
    """What Ray says when actors died too often, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if "died" in line or "rror" in line), type(error).__name__)
    return DetoxError(
        f"actors of the cluster died more than {cluster.restarts} times: {said[:300]}",
        where="--engine ray",
        hint=f"look for what kills them, such as too little memory; {AGAIN}",
    )
