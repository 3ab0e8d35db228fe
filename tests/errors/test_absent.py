"""Libraries that are not installed, or that fail in the ways in which they do.

Where a library is not installed, a package of a few lines stands in for it.
"""

import pickle
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detox_cli.errors import BadData, ExitCode
from detox_cli.generation import vllm_engine, vllm_start
from detox_cli.generation.requests import Request
from detox_cli.models.sources import find_model
from detox_cli.runs.cluster import connect, stream
from detox_cli.runs.cluster.connect import Cluster
from detox_cli.services.abliterate.choice.search import Searching, search
from detox_cli.services.cluster import load_there
from detox_cli.services.eval_generation import harness
from detox_cli.services.eval_generation.protocols import PROTOCOLS
from detox_cli.services.eval_generation.scoring_there import BlockScoring
from detox_cli.services.training.optimizers import find_optimizer
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.generate import GenerateSettings
from tests.errors.case import Case, usage, written

Told = Callable[[Case], None]
StandIn = Callable[..., None]
MISSING, FAILED = ExitCode.MISSING, ExitCode.FAILED
ANY: Any = None


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Puts a package of a few modules in the place of a library."""
    names: set[str] = set()

    def put(name: str, **modules: str) -> None:
        names.add(name)
        for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
        written(tmp_path / "instead", {f"{name}/{file}.py": text for file, text in modules.items()})
        monkeypatch.syspath_prepend(tmp_path / "instead")

    yield put
    for loaded in [one for one in sys.modules if one.partition(".")[0] in names]:
        del sys.modules[loaded]


def test_libraries_that_are_not_installed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("optuna", "bitsandbytes", "vllm.platforms"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    told(Case(lambda: search(ANY, [], Searching()), "a search needs Optuna", MISSING))
    told(
        Case(
            lambda: find_optimizer("paged_adamw_8bit", "auto"),
            "--optimizer: bitsandbytes is not installed",
            MISSING,
        )
    )
    told(Case(vllm_start.on_cpu, "--engine vllm: vLLM cannot be imported: ", MISSING))


VLLM = """
class EngineArgs:
    def __init__(self, **given):
        self.model = given["model"]

    def create_engine_config(self, context):
        raise ValueError("There is no module or parameter named\\n'x' in this architecture")


class LLMEngine:
    pass
"""
PLATFORMS = "class current_platform:\n    is_cpu = staticmethod(lambda: True)\n"
CONTEXT = "class UsageContext:\n    ENGINE_CONTEXT = 'engine'\n"


def test_what_vllm_cannot_do(told: Told, stand_in: StandIn) -> None:
    stand_in("vllm", __init__=VLLM, platforms=PLATFORMS, **{"usage/__init__": "", "usage/usage_lib": CONTEXT})
    source = find_model("builtin:lm")
    given = {"dtype": "auto", "tensor_parallel": 1, "trust_remote_code": False, "extra": {}}
    said = "vLLM cannot run builtin:lm: There is no module or parameter named 'x' in this architecture"
    told(usage(lambda: vllm_start.start(source, adapter=None, **given), said))
    wide: Any = SimpleNamespace(rank=4096)
    said = "--adapter: the adapter's rank 4096 is above vLLM's"
    told(usage(lambda: vllm_start.start(source, adapter=wide, **given), said))
    given_up = SimpleNamespace(finish_reason="abort", stop_reason=None, token_ids=[])
    row = Request("r7", "a", 0)
    told(
        Case(
            lambda: vllm_engine.VllmEngine._sample(ANY, row, given_up, 0, ()),
            "r7: vLLM gave up this row: abort",
            FAILED,
        )
    )


RAY = """
def is_initialized():
    return True

def nodes():
    return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 9.0}}]
"""


def raising(error: Exception) -> Any:
    """A Ray that does not start."""

    def init(*_: Any, **__: Any) -> None:
        raise error

    return SimpleNamespace(init=init)


def test_what_a_cluster_has_no_room_for(told: Told, stand_in: StandIn) -> None:
    stand_in("ray", __init__=RAY, data="")

    def connecting() -> None:
        with connect.connected(Cluster()):
            pass

    told(Case(connecting, "this process is connected to a Ray cluster already", FAILED))
    said = "no machine of the cluster has room for an actor with 3 CPUs and 0 GPUs; the largest has 2 and 0"
    told(usage(lambda: connect.actors_for(Cluster(cpus=3.0)), f"--engine ray: {said}"))


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


CLUSTER = [
    usage(lambda: connect._check("ray://head:1"), "--ray-address: no address of a Ray cluster: ray://head:1"),
    Case(
        lambda: connect._check(f"127.0.0.1:{unused_port()}"),
        "no Ray cluster answers there (Connection refused)",
        MISSING,
    ),
    Case(
        lambda: connect._connect(raising(ConnectionError("nobody")), "head:1", Cluster()),
        "head:1: no Ray cluster answers (nobody)",
        MISSING,
    ),
    usage(
        lambda: connect._connect(raising(RuntimeError("Version mismatch: 3.11, 3.12")), "head:1", Cluster()),
        "head:1: Version mismatch: 3.11, 3.12",
    ),
    Case(
        lambda: connect._connect(raising(RuntimeError("The raylet\ndied")), "local", Cluster()),
        "local: Ray does not start: The raylet died",
        FAILED,
    ),
    usage(
        lambda: stream._raise(("unfit", "the machine b has no detox")), "--engine ray: the machine b has no"
    ),
    usage(
        lambda: stream._check_same({"device": "cpu"}, {"device": "cuda"}),
        "--engine ray: the machines of the cluster differ in device: cpu and cuda",
    ),
]


@pytest.mark.parametrize("case", CLUSTER, ids=str)
def test_clusters(case: Case, told: Told) -> None:
    told(case)


def test_an_error_of_an_actor_is_raised_here(told: Told) -> None:
    there = BadData("is empty", where="p.txt", hint="give rows")
    told(Case(lambda: stream._raise(("error", pickle.dumps(there))), "p.txt: is empty"))


def test_machines_that_are_lost(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any) -> Any:
        raise stream._Lost("a machine of the cluster is lost")
        yield

    monkeypatch.setattr(stream, "connected", lambda _: nullcontext())
    monkeypatch.setattr(stream, "_execute", lost)
    said: list[str] = []
    work = lambda: list(stream.spread(Cluster(restarts=1), ANY, [1, 2], said.append))  # noqa: E731
    told(Case(work, "a machine of the cluster is lost, and 1 before it", FAILED))
    assert said == ["a machine of the cluster is lost; 2 shares of the work go to the others"]


def died() -> None:
    raise stream._died(RuntimeError("some words\nThe actor died\n"), Cluster(restarts=2))


def test_actors_that_die(told: Told) -> None:
    told(Case(died, "--engine ray: actors of the cluster died more than 2 times: The actor died", FAILED))


def test_other_models_on_a_machine_of_the_cluster(told: Told) -> None:
    options = GenerateSettings(model="builtin:lm", input="p.txt")
    said = "--engine ray: builtin:lm is another model on a machine of the cluster than here"
    told(usage(lambda: load_there(options, "another", print), said))
    settings = EvalGenerationSettings(
        model="m", output=Path("out"), scorers=("builtin:lexicon",), judge="builtin:lm"
    )
    job = BlockScoring(settings, PROTOCOLS["rtp"], {"builtin:lexicon": "another"}, ())
    told(usage(lambda: job.open(print), "builtin:lexicon is another one on a machine of the cluster"))


TASKS = "class TaskManager:\n    def __init__(self, include_path=None):\n        self.all_tasks = ['arc']\n"
MODEL = "class HFLM:\n    def __init__(self, **given):\n        pass\n"
LM_EVAL = """
def simple_evaluate(model, tasks, **given):
    if given["random_seed"]:
        raise ConnectionError("Couldn't reach 'arc' on the Hub")
"""


def test_tasks_of_the_harness(told: Told, stand_in: StandIn, tiny_causal: Path) -> None:
    folders = {"tasks/__init__": TASKS, "models/__init__": "", "models/huggingface": MODEL}
    stand_in("lm_eval", __init__=LM_EVAL, **folders)
    loaded: Any = SimpleNamespace(model=None, tokenizer=None)
    told(Case(lambda: harness.check_tasks(["t.yaml"]), "--lm-eval t.yaml: there is no such file", MISSING))
    told(Case(lambda: harness.check_tasks(["arcc"]), "--lm-eval: there is no task 'arcc'", MISSING))
    told(
        Case(lambda: harness.check_tasks(["u.yaml"]), "u.yaml: names no task", files={"u.yaml": "group: x\n"})
    )
    told(
        Case(
            lambda: harness.task_figures(loaded, ["arc"], 1),
            "--lm-eval: the data of a task cannot be had: Couldn't reach 'arc' on the Hub",
            MISSING,
        )
    )
    told(
        Case(
            lambda: harness.task_figures(loaded, ["arc"], 0),
            "--lm-eval: lm-evaluation-harness gave no result",
        )
    )
