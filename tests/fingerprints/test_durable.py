"""Work folders: what a killed run left half-written is nobody else's, and everything else is."""

from __future__ import annotations

from pathlib import Path

from fingerprints.durable import TEMPORARY, strangers


def test_the_lock_and_a_half_written_first_file_are_no_strangers(tmp_path: Path) -> None:
    for name in (".lock", f"{TEMPORARY}plan.yaml"):
        (tmp_path / name).touch()
    assert strangers(tmp_path, "plan.yaml") == []
    for name in ("diary.txt", f"{TEMPORARY}other.yaml", "plan.yaml"):
        (tmp_path / name).touch()
    assert strangers(tmp_path, "plan.yaml") == sorted(
        ["diary.txt", f"{TEMPORARY}other.yaml", "plan.yaml"]
    )
