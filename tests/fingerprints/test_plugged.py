"""Entry points are read once, and found when they come later."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from fingerprints.plugged import entry_points

GROUP = "example.things"


def installed(folder: Path, name: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = nowhere:{name}\n")


def test_it_finds_what_the_library_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "first")
    installed(tmp_path, "second")
    monkeypatch.syspath_prepend(tmp_path)
    assert sorted(p.name for p in entry_points(group=GROUP)) == ["first", "second"]
    assert [p.value for p in entry_points(group=GROUP, name="second")] == ["nowhere:second"]
    assert list(entry_points(group=GROUP, name="third")) == []
    for group in importlib.metadata.entry_points().groups:
        told = importlib.metadata.entry_points(group=group)
        assert sorted(p.name for p in entry_points(group=group)) == sorted(p.name for p in told)


def test_distributions_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "first")
    monkeypatch.syspath_prepend(tmp_path)
    entry_points(group=GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda: pytest.fail("read again"))
    assert [p.name for p in entry_points(group=GROUP)] == ["first"]


def test_what_is_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert list(entry_points(group=GROUP)) == []
    installed(tmp_path, "late")
    assert [p.name for p in entry_points(group=GROUP)] == ["late"]
