"""The store's files: what is refused, swept and found damaged, and a frozen store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fingerprints.errors import StoreIntegrity, UnsafeInput
from fingerprints.records import Arm, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.fingerprints.stored import queries, transcript


@pytest.mark.parametrize(
    "name", ["CURRENT", "catalog.sqlite", "LOCK", "gen-000001/index.faiss", "extra"]
)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_links_and_pipes_in_a_store_are_refused(
    path: Path, tmp_path: Path, name: str, kind: str
) -> None:
    target = path / name
    if target.exists():
        shutil.move(target, tmp_path / "moved")
    if kind == "link":
        target.symlink_to(tmp_path / "moved")
    else:
        os.mkfifo(target)
    for read_only in (True, False):
        with pytest.raises(UnsafeInput):
            FingerprintStore.open(path, read_only=read_only)


def test_what_a_killed_writer_left_is_swept_and_nothing_else(path: Path) -> None:
    (path / "tmp-CURRENT").write_bytes(b"half")
    (path / "gen-000009").mkdir()
    (path / "gen-000009" / "tmp-index.faiss").write_bytes(b"half")
    (path / "README.txt").write_text("mine")
    with FingerprintStore.open(path) as store:
        assert store.verify() == [("folder", "unknown file 'README.txt'")]
    left = sorted(p.name for p in path.iterdir())
    assert left == ["CURRENT", "LOCK", "README.txt", "catalog.sqlite", "gen-000001"]


def test_a_flipped_bit_in_an_answer_is_found(path: Path) -> None:
    db = sqlite3.connect(path / "catalog.sqlite")
    for column, table in (
        ("record", "teachers"),
        ("data", "blocks"),
        ("text_sha256", "answers"),
        ("data", "vectors"),
    ):
        rowid = "teacher" if table == "blocks" else "rowid"
        before = db.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()[0]
        raw = bytearray(before.encode() if isinstance(before, str) else before)
        raw[len(raw) // 2] ^= 1
        changed = raw.decode() if isinstance(before, str) else bytes(raw)
        db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ? AND {rowid} >= 0",
            (changed, before),
        )
        db.commit()
        with FingerprintStore.open(path, read_only=True) as store:
            assert store.verify() != [], table
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (before, changed))
        db.commit()
        with FingerprintStore.open(path, read_only=True) as store:
            assert store.verify() == [], table
    db.close()


def test_a_changed_answer_is_never_handed_out(path: Path) -> None:
    from fingerprints.catalog_rows import blocks

    forged = next(data for kind, _, data in blocks(transcript("forged")) if kind == "reply")
    db = sqlite3.connect(path / "catalog.sqlite")
    db.execute("UPDATE blocks SET data = ? WHERE kind = 'reply' AND teacher = 1", (forged,))
    db.commit()
    db.close()
    with FingerprintStore.open(path) as store:
        with pytest.raises(StoreIntegrity, match="not those that were stored"):
            store.transcript("a")
        assert store.transcript("b") == transcript("b")


def test_a_history_that_was_edited_is_found(path: Path) -> None:
    db = sqlite3.connect(path / "catalog.sqlite")
    db.execute("UPDATE changes SET teacher = 'z' WHERE sequence = 2")
    db.commit()
    db.close()
    with FingerprintStore.open(path) as store:
        said = "the catalogue: change 2 does not follow from those before it"
        assert store.verify() == [("catalogue", said)]


def test_a_frozen_store_is_read_from_a_folder_that_may_not_be_written(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
        store.freeze()
    files = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    assert sorted(p.name for p in files) == [
        "CURRENT",
        "catalog.sqlite",
        "index.faiss",
        "manifest.json",
    ]
    with FingerprintStore.open(path, read_only=True) as store:
        assert store.answer(store.search(queries(store, ("d",)), 1)[1][0, 0]).teacher == "d"
        assert store.shared_prompts(transcript("a")) == dict.fromkeys("abcd", 19)
        assert store.verify() == []
    assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == files


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_nobody_can_read_a_frozen_store_that_belongs_to_root(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.freeze()
    code = (
        "import os, sys; from pathlib import Path; from fingerprints.store import FingerprintStore; import faiss;"
        "s = FingerprintStore.open(Path(sys.argv[1]), read_only=True)\n"
        "print(len(s.teachers()), s.search(s.embedder.embed(['a']), 1)[1].shape, s.verify())\n"
        "s.close(); os.setgid(65534); os.setuid(65534)  # by now Python has loaded what it loads late\n"
        "s = FingerprintStore.open(Path(sys.argv[1]), read_only=True)\n"
        "print(len(s.teachers()), s.search(s.embedder.embed(['a']), 1)[1].shape, s.verify())"
    )
    with tempfile.TemporaryDirectory() as folder:  # the tests' own folder is closed to others
        os.chmod(folder, 0o755)
        copy = shutil.copytree(path, Path(folder) / "store")
        done = subprocess.run(
            [sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=False
        )
    assert done.stdout == "3 (1, 1) []\n" * 2, done.stderr


def test_freezing_the_same_additions_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    stores = []
    for name in ("one", "two"):
        with FingerprintStore.create(tmp_path / name) as store:
            for teacher in "ab":
                store.add(transcript(teacher), teacher)
            store.freeze()
        folder = tmp_path / name
        stores.append(
            {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert stores[0] == stores[1]


def test_a_frozen_store_thaws_when_it_is_opened_for_writing(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.freeze()
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
        assert store.verify() == []


def test_a_block_that_unpacks_to_more_than_is_ever_written_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fingerprints.catalog_rows.LARGEST_BLOCK", 100)
    with (
        FingerprintStore.open(path) as store,
        pytest.raises(StoreIntegrity, match="not those that were stored"),
    ):
        store.transcript("a")


def test_a_reply_without_its_probe_is_kept(tmp_path: Path) -> None:
    base = transcript("x", 3)
    orphan = Reply(probe_id="q", arm=Arm.OWN, status=Status.OK, text="said")
    said = Transcript(base.header, {}, (orphan,), complete=False)
    with FingerprintStore.create(tmp_path / "s") as store:
        store.add(said, "x")
        assert store.transcript("x") == said
        assert store.shared_prompts(said) == {"x": 0}
