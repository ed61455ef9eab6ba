"""Compiled templates are kept beside our compiled modules, and given up for any change."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from auditor.reporting.compiled import CompiledTemplates


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "page.html").write_text("{{ word }}!")
    (tmp_path / "filters.py").write_text("ONE = 1\n")
    return tmp_path


def page(folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    environment = Environment(
        loader=FileSystemLoader(folder), bytecode_cache=CompiledTemplates(folder), autoescape=True
    )
    if monkeypatch is not None:
        monkeypatch.setattr(environment, "_generate", lambda *_, **__: pytest.fail("compiled"))
    return environment.get_template("page.html").render(word="hello")


def kept(folder: Path) -> list[Path]:
    place = folder / "__pycache__"
    return sorted(place.iterdir()) if place.exists() else []


def test_a_template_is_compiled_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(folder) == "hello!"
    assert len(kept(folder)) == 1
    assert page(folder, monkeypatch) == "hello!"


@pytest.mark.parametrize("changed", ["page.html", "filters.py"])
def test_a_change_of_any_file_compiles_it_anew_and_leaves_nothing_old(
    folder: Path, changed: str
) -> None:
    page(folder)
    old = kept(folder)
    (folder / changed).write_text("{{ word }}?" if changed == "page.html" else "ONE = 2\n")
    os.utime(folder / changed, ns=(1, 1))
    assert page(folder) == ("hello?" if changed == "page.html" else "hello!")
    assert len(kept(folder)) == 1
    assert kept(folder) != old


def test_a_damaged_one_is_compiled_anew(folder: Path) -> None:
    page(folder)
    whole = kept(folder)[0].read_bytes()
    for damaged in (b"", whole[:30], whole[:-5], b"x" * 200):
        kept(folder)[0].write_bytes(damaged)
        assert page(folder) == "hello!"


def test_nothing_is_written_where_python_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert page(folder) == "hello!"
    assert kept(folder) == []


def test_a_folder_that_can_t_be_written_to_is_left_alone(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file where the folder would be")
    assert page(folder) == "hello!"
