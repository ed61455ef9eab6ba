"""Shadows on a Ray cluster of three machines that are processes here, one of which is killed while
it works. A program: `python -m tests.auditor.execution.on_ray HOME`, where HOME holds nothing yet
but what `tests.auditor.audits.shadow.test_growing.World` wrote."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from auditor.execution import cluster as module
from auditor.execution.cluster import RayCluster
from auditor.execution.shared_folder import WORD, SharedFolder
from fingerprints.errors import UsageProblem
from tests.auditor.audits.shadow.test_growing import World, weights

FEW = 4


def main() -> None:
    """Makes the shadows and says what became of them, as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home
    world, out = World(home), home / "ray"
    rungs = world.rungs(out)[:FEW]
    # The first machine only keeps the books: tasks run on the two others.
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()

    def kill() -> None:
        """Kills a machine once the first shadow is there: others are being made."""
        while not list((out / "shadows").glob("*/done.json")):
            time.sleep(0.05)
        cluster.remove_node(workers[0], allow_graceful=False)

    os.environ["RAY_ADDRESS"] = cluster.address
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with RayCluster(out, jobs=2) as executor:
        at_once = executor.at_once
        left, told = world.grown(rungs, out, executor)
        killer.join()
        unseen = refused(out)
    said = {
        "left": list(left),
        "told": told.lines,
        "at_once": at_once,
        "machines": len(cluster.list_all_nodes()),
        "weights": weights(out),
        "unseen": unseen,
        "word left": (out / WORD).exists(),
    }
    print(json.dumps(said))
    cluster.shutdown()


def refused(out: Path) -> str:
    """What is said where machines see another folder than ours."""
    try:
        module._check_machines(SharedFolder(str(out), "the word of another folder"))
    except UsageProblem as error:
        return error.line()
    return ""


if __name__ == "__main__":
    main()
