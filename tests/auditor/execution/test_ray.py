"""A cluster does the same units: it loses a machine in the middle, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.execution.local import LocalProcesses
from fingerprints.errors import UsageProblem
from tests.auditor.audits.shadow.test_growing import World, weights
from tests.auditor.execution.units import Mistaken


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


@pytest.mark.parametrize(
    "address",
    ["banana", "http://x:1", "127.0.0.1:none", "127.0.0.1:1", "127.0.0.1:99999", "[::1]:1"],
)
def test_an_address_of_no_cluster_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    pytest.importorskip("ray")
    from auditor.execution.cluster import RayCluster

    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UsageProblem, match="no Ray cluster answers there"), RayCluster(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_bug_in_a_unit_is_not_told_as_the_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    from auditor.execution.cluster import RayCluster

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with RayCluster(tmp_path, jobs=1) as cluster:
        end = cluster.submit(Mistaken.make(tmp_path, "one")).result(120)
    assert (end.exit_code, end.code) == (70, "E-INTERNAL")
