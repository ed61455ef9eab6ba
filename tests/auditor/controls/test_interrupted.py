"""The making of a control killed anywhere ends in the same control, and no answer that was kept
is asked for again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.auditor.controls.interrupted import killed_points


@pytest.mark.timeout(600)
def test_killed_at_three_random_points_a_control_ends_the_same(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    points = killed_points(tmp_path, 3, seed)
    assert len(points) == 3
    assert all(p.good for p in points), f"seed {seed}: {points}"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_ten_random_points_a_control_ends_the_same(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    points = killed_points(tmp_path, 10, seed)
    assert all(p.good for p in points), f"seed {seed}: {points}"
    assert {"teach", "train"} < {p.stage for p in points}
