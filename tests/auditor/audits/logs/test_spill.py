"""A log's figures that fit neither into memory nor into the spill folder: one line, and nothing is
left on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.logs.warehouse import warehouse
from fingerprints.errors import ResourceLimit

pytest.importorskip("duckdb", reason="the extra 'logs' is not installed")
SORTED = "SELECT r, repeat('word ' || r, 20) AS w FROM range(400000) AS t(r) ORDER BY hash(w)"


def test_a_spill_folder_that_is_full_ends_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with warehouse(tmp_path, memory_gb=0.05, threads=1) as house:
        # As on a disk with so much room.
        house.run("SET max_temp_directory_size = '1MB'")
        with pytest.raises(ResourceLimit, match="don't fit into memory and spill folder") as caught:
            house.run(f"CREATE TABLE sorted AS {SORTED}")
    assert caught.value.exit_code == 7
    assert "--spill" in caught.value.line()
    assert list(tmp_path.iterdir()) == []


def test_with_room_to_spill_the_same_work_is_done(tmp_path: Path) -> None:
    with warehouse(tmp_path, memory_gb=0.05, threads=1) as house:
        house.run(f"CREATE TABLE sorted AS {SORTED}")
        assert house.one("SELECT count(*) FROM sorted") == (400000,)
    assert list(tmp_path.iterdir()) == []
