"""A Ray cluster of two machines, as far as one machine can be two."""

from collections.abc import Iterator

import pytest

MACHINE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80 * 2**20}


@pytest.fixture(scope="session")
def two_machines() -> Iterator[str]:
    """The address of a cluster with two machines of one core each."""
    pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**MACHINE, "include_dashboard": False})
    try:
        cluster.add_node(**MACHINE)
        yield cluster.address
    finally:
        cluster.shutdown()
