"""A Ray cluster of two machines, as far as one machine can be two."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WORDS = ("The weather is", "You know", "Please", "I cannot help with that. Here is what I")
MACHINE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80 * 2**20}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """A cluster with two machines of one core each."""
    pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**MACHINE, "include_dashboard": False})
    try:
        cluster.add_node(**MACHINE)
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture
def two_machines(cluster: Any) -> str:
    """The address of a cluster with two machines."""
    return str(cluster.address)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A file of forty prompts."""
    path = tmp_path / "prompts.jsonl"
    rows = [{"id": f"row-{i}", "prompt": f"{WORDS[i % 4]} {i}"} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
