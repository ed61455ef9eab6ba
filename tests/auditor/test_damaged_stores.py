"""Damaged stores at the command line: one line that names what mends it, and it does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cli import run
from fingerprints import indexing
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import transcript

SAID = transcript("a", 300)


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "flipped": flipped,
    "cut": cut,
    "emptied": emptied,
    "gone": Path.unlink,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged") / "store"
    with pytest.MonkeyPatch.context() as patch, FingerprintStore.create(path) as store:
        patch.setattr(store.index, "exact_up_to", 10)
        patch.setattr(store.index, "ids_a_shard", 200)
        store.add(SAID, "a")
        store.index.now()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(indexing, "EXACT_UP_TO", 10)
    monkeypatch.setattr(indexing, "IDS_A_SHARD", 200)
    return Path(shutil.copytree(made, tmp_path / "my store"))


def found(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["store", "search", SAID.replies[7].text, "--store", str(path), "--json"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["cells.faiss", "lists-00001.faiss", "vectors-00000.f32", "manifest.json"]
)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_one_line_with_the_command_that_mends_it(
    path: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = found(path, capsys)
    assert json.loads(expected)[0]["cosine"] == 1.0
    DAMAGE[damage](next(path.glob("gen-*")) / name)
    for command in (["search", "x"], ["search", "x", "--by-index"], ["verify"]):
        assert run(["store", *command, "--store", str(path)]) == 5
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert f"Next: auditor store rebuild --store '{path}'" in lines[0]
    assert run(["store", "list", "--store", str(path)]) == 0  # what models said is whole
    assert run(["store", "rebuild", "--store", str(path)]) == 0
    assert run(["store", "verify", "--store", str(path)]) == 0
    assert found(path, capsys) == expected
    assert len(list(path.glob("gen-*"))) == 1


def test_what_a_rebuild_does_not_mend_is_not_said_to_be(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path / "notes.txt").write_text("mine")
    assert run(["store", "verify", "--store", str(path)]) == 5
    line = capsys.readouterr().err
    assert "take away what does not belong" in line
    assert "store rebuild" not in line
    (path / "notes.txt").unlink()
    catalog = path / "catalog.sqlite"
    data = catalog.read_bytes()
    place = data.rfind(SAID.replies[7].probe_id.encode())
    catalog.write_bytes(data[:place] + b"q" + data[place + 1 :])
    assert run(["store", "verify", "--store", str(path)]) == 5
    line = capsys.readouterr().err
    assert "restore the store from a copy" in line
    assert "store rebuild" not in line
