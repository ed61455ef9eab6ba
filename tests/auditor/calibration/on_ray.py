"""A calibration on a Ray cluster of three machines that are processes here, one of which is killed
while it works. A program: `python -m tests.auditor.calibration.on_ray HOME`, where HOME holds the
store and the cohort of `tests.auditor.calibration.population`."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from auditor.audits.inheritance import calibrating
from auditor.cli import run
from tests.auditor.calibration.population import PROMPTS

MODELS_A_UNIT = 20
"""Small parts, so that others wait when the machine is killed."""


def main() -> None:
    """Calibrates by the command itself and says what became of the machines, as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home
    calibrating.MODELS_A_UNIT = MODELS_A_UNIT
    out = home / "by-a-cluster.json"
    # The first machine only keeps the books: tasks run on the two others.
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    seen: list[str] = []

    def kill() -> None:
        """Kills a machine once the first unit has ended: others are being measured."""
        while not (ended := list(calibrating.work_folder(out).glob("*.end.json"))):
            time.sleep(0.02)
        seen.extend(path.name for path in ended)
        cluster.remove_node(workers[0], allow_graceful=False)

    os.environ["RAY_ADDRESS"] = cluster.address
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    made = ["calibrate", str(home / "cohort"), "--store", str(home / "store"), "--out", str(out)]
    asked = ["--detectors", "neighbours", "--prompts", f"20,{PROMPTS}", "--name", "authors"]
    command = [*made, *asked, "--about", "invented", "--executor", "ray"]
    code = run(command)
    killer.join()
    left = len(cluster.list_all_nodes())
    units = calibrating.work_folder(out).exists()
    print(json.dumps({"code": code, "machines": left, "seen": seen, "units left": units}))
    cluster.shutdown()


if __name__ == "__main__":
    main()
