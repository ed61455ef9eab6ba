"""A fleet on a Ray cluster of three machines that are processes here, one of which is killed while it
works. A program: `python -m tests.auditor.fleet.on_ray FLEET.yaml DIR`."""

from __future__ import annotations

import argparse
import os
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from auditor.execution.cluster import RayCluster
from auditor.fleet.plan import read_fleet
from auditor.fleet.run import run_fleet

KILLED_AFTER = 2
"""Tasks that have ended when the machine is killed: others wait, so that it is busy."""


def main() -> None:
    """Runs the fleet and says how many machines are left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fleet", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    # The first machine only keeps the books: tasks run on the two others.
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()

    def kill() -> None:
        """Kills a machine once some tasks have ended."""
        while len(list((given.out / "ends").glob("*.json"))) < KILLED_AFTER:
            time.sleep(0.05)
        cluster.remove_node(workers[0], allow_graceful=False)

    os.environ["RAY_ADDRESS"] = cluster.address
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with RayCluster(given.out) as executor:
        run_fleet(read_fleet(given.fleet), given.fleet, given.out, executor)
        killer.join()
    print(f"machines left: {len(cluster.list_all_nodes())}")
    cluster.shutdown()


if __name__ == "__main__":
    main()
