"""A cluster does the same units: it loses a machine in the middle, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.execution.local import LocalProcesses
from tests.auditor.audits.shadow.test_growing import World, weights


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_shadows_of_a_cluster_that_loses_a_machine_are_those_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    world = World(tmp_path)
    environment = {**os.environ, "AUDITOR_CACHE": ""}
    program = [sys.executable, "-m", "tests.auditor.execution.on_ray", str(tmp_path)]
    done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["machines"], told["at_once"]) == (2, 2)
    assert (told["left"], told["told"], told["word left"]) == ([], [], False)
    assert "does not see the folder that the others see" in told["unseen"]
    assert (tmp_path / "ray" / "cache").is_dir(), "what teachers said is kept for all machines"
    out = tmp_path / "alone"
    rungs = world.rungs(out)[:4]
    with LocalProcesses(1) as executor:
        assert world.grown(rungs, out, executor)[0] == ()
    assert told["weights"] == weights(out)
    assert len(told["weights"]) == 3
