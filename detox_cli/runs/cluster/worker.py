"""What runs inside Ray. This module travels with its code, so that it can tell a machine that lacks detox.

Whatever goes wrong is handed back as a row: an exception that is raised in an actor arrives in Ray's words.
Nothing of this package is imported before it has been looked for.
"""

import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

Trouble = tuple[str, Any]
LOOK_SECONDS = 5.0
"""Between two looks at whether all machines are there."""


class DetoxWorker:
    """Opens a job once, and does one share of it after the other.

    Args:
        version: The version of detox that is needed.
        packed: Under ``job`` a reference to the pickled job.
        folder: Where paths are read from, as far as this machine has it.
    """

    def __init__(self, version: str, packed: Any, folder: str) -> None:
        if Path(folder).is_dir():
            os.chdir(folder)
        self.said: list[str] = []
        self.worker: Any = None
        self.trouble = _misfit(version) or self._opened(packed)

    def __call__(self, batch: Any) -> Any:
        """One share: its number, what did it, what is to be said, the results, and what went wrong."""
        import pyarrow

        number, results, trouble = batch["share"][0].as_py(), [], self.trouble
        if trouble is None:
            try:
                results = self.worker.answer(number)
            except Exception as error:
                trouble = _packed(error)
        identity = {} if self.worker is None else dict(self.worker.identity)
        said, self.said[:] = list(self.said), []
        answer = pickle.dumps((number, identity, said, results, trouble))
        return pyarrow.table({"answer": pyarrow.array([answer], pyarrow.large_binary())})

    def _opened(self, packed: Any) -> Trouble | None:
        import ray

        try:
            self.worker = pickle.loads(ray.get(packed["job"])).open(self.said.append)
        except Exception as error:
            return _packed(error)
        return None


class Watch:
    """Ends an execution whose actors have no room any more: their shares would wait for ever.

    Ray Data calls it, by these names, before, during and after an execution.
    """

    actors, cpus, gpus = 1, 1.0, 0.0

    def __init__(self) -> None:
        self.looked = time.monotonic()

    def before_execution_starts(self, executor: Any) -> None:
        """Nothing."""

    def on_execution_step(self, executor: Any) -> None:
        """Look at the machines from time to time."""
        if time.monotonic() - self.looked < LOOK_SECONDS:
            return
        self.looked = time.monotonic()
        if sum(fitting(resources, self.cpus, self.gpus) for resources in machines()) < self.actors:
            raise RuntimeError("a machine is lost")

    def after_execution_succeeds(self, executor: Any) -> None:
        """Nothing."""

    def after_execution_fails(self, executor: Any, error: Exception) -> None:
        """Nothing."""


def machines() -> list[dict[str, float]]:
    """What each machine that is alive has."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def fitting(resources: dict[str, float], cpus: float, gpus: float) -> int:
    """How many actors of a size a machine has room for."""
    by_cpu = resources.get("CPU", 0) // cpus
    by_gpu = resources.get("GPU", 0) // gpus if gpus else by_cpu
    return int(min(by_cpu, by_gpu))


def _misfit(version: str) -> Trouble | None:
    """Why this machine cannot take part."""
    import ray

    place = f"the machine {ray.util.get_node_ip_address()} of the cluster ({sys.executable})"
    try:
        import detox_cli
    except ImportError:
        return "unfit", f"{place} has no detox, and {version} is needed there"
    if detox_cli.__version__ == version:
        return None
    return "unfit", f"{place} has detox {detox_cli.__version__}, and {version} is needed there"


def _packed(error: Exception) -> Trouble:
    """The exception itself where it can travel, else what it says."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)
    except Exception:  # an exception's own code runs here, and may raise anything
        return "error", pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return "error", packed
