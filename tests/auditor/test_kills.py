"""A command that is killed anywhere goes on where it stood: nothing lost, nothing asked twice. The
benchmark `tests.benchmarks.bench_kills` does this fifty times a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.auditor.killable import COMMANDS
from tests.auditor.kills import killed_runs

POINTS = 3
QUICK = ("probe", "store import")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", QUICK)
def test_a_killed_command_ends_as_one_that_was_left_alone(command: str, tmp_path: Path) -> None:
    pytest.importorskip("httpx2", reason="the extra 'openai' is not installed")
    runs = killed_runs(tmp_path, command, POINTS, seed=5)
    assert len(runs) == POINTS
    assert [run for run in runs if not run.good] == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in QUICK])
def test_every_other_one_does(command: str, tmp_path: Path) -> None:
    pytest.importorskip("httpx2", reason="the extra 'openai' is not installed")
    pytest.importorskip("duckdb", reason="the extra 'logs' is not installed")
    runs = killed_runs(tmp_path, command, POINTS, seed=5)
    assert [run for run in runs if not run.good] == []
