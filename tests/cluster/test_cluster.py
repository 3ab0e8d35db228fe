"""From a cluster come the bytes of one process, whatever dies on the way; errors come as they are."""

import json
from functools import partial

import pytest

from detox_cli.errors import BadData, BadSettings, DetoxError, Missing
from detox_cli.generation.load import load_engine
from detox_cli.generation.ray_engine import RayEngine
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.sources import find_model
from detox_cli.runs.cluster import connect, stream
from detox_cli.runs.cluster.connect import Cluster
from tests.cluster.conftest import WORDS
from tests.cluster.jobs import Broken, Deadly, Different, load_mortal


def cluster_at(address: str, **changes: object) -> Cluster:
    return Cluster(**{"address": address, "actors": 2, "cpus": 1.0, **changes})


def test_generate_and_eval_give_the_bytes_of_one_process(
    detox, prompts, tiny_causal, tiny_classifier, two_machines
):
    there = ["--engine", "ray", "--ray-address", two_machines, "--ray-actors", 2]
    drawing = ["--device", "cpu", "--max-new-tokens", 8, "--batch-tokens", 192]
    for name, engine in (("one", []), ("two", there)):
        out = prompts.parent / f"{name}.jsonl"
        run = detox("generate", tiny_causal, prompts, "-o", out, "--num-samples", 3, *drawing, *engine)
        assert run.code == 0, run.err
        folder = prompts.parent / name
        scorer = f"hf:{tiny_classifier}#toxic"
        given = ["--prompts", prompts, "-o", folder, "-s", scorer, "--num-samples", 4, "--no-cache"]
        run = detox("eval", "generation", tiny_causal, *given, *drawing, *engine)
        assert run.code == 0, run.err
        table = prompts.parent / "pairs.jsonl"
        table.write_text(
            "".join(
                json.dumps({"id": f"{i}", "toxic": f"You {i} fool", "output": f"You {i}"}) + "\n"
                for i in range(30)
            )
        )
        pairs = prompts.parent / f"{name}-pairs.jsonl"
        run = detox("synth", "pairs", table, "-m", tiny_causal, "-o", pairs, *drawing, *engine)
        assert run.code == 0, run.err
        given = ["--suite", "detox", "--sta", "builtin:toxicity", "--fl", "builtin:fluency", "--no-cache"]
        given += ["--sim", "builtin:similarity", "--device", "cpu", "-o", prompts.parent / f"{name}-rows"]
        run = detox("eval", "rewrite", table, *given, *engine)
        assert run.code == 0, run.err
    for file in (
        "{}-rows/rows.jsonl",
        "{}.jsonl",
        "{}-pairs.jsonl",
        "{}/generations.jsonl",
        "{}/scores.jsonl",
        "{}/summary.csv",
    ):
        one, two = (prompts.parent / file.format(name) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), file
    manifest = json.loads((prompts.parent / "two.jsonl.detox.json").read_text())
    assert manifest["metrics"]["engine"]["engine"] == "transformers"


def test_a_killed_actor_costs_no_row(two_machines, tiny_causal, tmp_path):
    requests = [Request(f"r{i}", f"{WORDS[i % 4]} {i}", seed=i, samples=3) for i in range(24)]
    sampling = Sampling(max_new_tokens=8)
    alone = load_engine(find_model(str(tiny_causal)), device="cpu", batch_tokens=96)
    wanted = {one.id: one for one in alone.generate(requests, sampling)}
    marker, heard = tmp_path / "killed", []
    load = partial(load_mortal, str(tiny_causal), marker)
    engine = RayEngine(cluster_at(two_machines), load, {"model": "mortal"}, heard.append)
    found = list(engine.generate(requests, sampling, done={"r3"}))
    assert marker.exists()
    assert len(found) == 23 and {one.id: one for one in found} == {
        k: v for k, v in wanted.items() if k != "r3"
    }
    assert heard == ["an engine is there"] and engine.identity["model"] == "mortal"


@pytest.mark.parametrize("at_once", [True, False])
def test_an_error_in_an_actor_arrives_as_it_is(two_machines, at_once):
    with pytest.raises(BadData) as caught:
        list(stream.spread(cluster_at(two_machines), Broken(at_once), range(4), print))
    told = "model/x.safetensors: nothing in it" if at_once else "row 7: half of a row"
    assert str(caught.value) == told and caught.value.exit_code == 3
    assert caught.value.hint == ("fetch it again" if at_once else None)


def test_machines_that_differ_are_refused(two_machines, monkeypatch):
    with pytest.raises(BadSettings, match="differ in device"):
        list(stream.spread(cluster_at(two_machines), Different(), range(8), print))
    monkeypatch.setattr(stream, "__version__", "99.0")
    with pytest.raises(BadSettings, match=r"of the cluster \(.*\) has detox .*, and 99.0 is needed there"):
        list(stream.spread(cluster_at(two_machines), Broken(False), range(2), print))


def test_actors_that_die_again_and_again_end_the_work(two_machines):
    with pytest.raises(DetoxError, match="actors of the cluster died more than 1 times") as caught:
        list(stream.spread(cluster_at(two_machines, restarts=1), Deadly(), range(2), print))
    assert "\n" not in str(caught.value) and "goes on from here" in str(caught.value.hint)


def test_too_little_room_is_told(two_machines):
    with pytest.raises(BadSettings, match="no machine of the cluster has room for an actor with 7 CPUs"):
        list(stream.spread(cluster_at(two_machines, cpus=7.0), Broken(False), range(2), print))


def test_a_cluster_that_is_not_there_is_told(detox, prompts, tiny_causal, monkeypatch):
    given = ["generate", tiny_causal, prompts, "-o", prompts.parent / "out.jsonl", "--device", "cpu"]
    pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    dead = detox(*given, "--engine", "ray", "--ray-address", "127.0.0.1:1")
    assert dead.code == 4 and "127.0.0.1:1: no Ray cluster answers there" in dead.err
    wrong = detox(*given, "--engine", "ray", "--ray-address", "ray://somewhere:10001")
    assert wrong.code == 2 and "no address of a Ray cluster" in wrong.err


def test_without_ray_the_extra_is_named(detox, prompts, tiny_causal, monkeypatch):
    given = ["generate", tiny_causal, prompts, "-o", prompts.parent / "out.jsonl", "--device", "cpu"]
    monkeypatch.setattr(connect.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Missing, match="Ray is not installed"):
        connect.require_ray()
    alone = detox(*given, "--ray-actors", 2)
    assert alone.code == 2 and "--ray-actors has no meaning with --engine transformers" in alone.err
