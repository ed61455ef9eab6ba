"""Putting a store at an address: what is foretold is what is sent, and readers see a whole store
whatever becomes of the writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auditor.cli import run
from fingerprints import indexing
from fingerprints.errors import AuditError, UsageProblem
from fingerprints.publishing import foreseen, publish
from fingerprints.records import sha256
from fingerprints.remote_store import opened
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import filled, transcript


@pytest.fixture
def far(tmp_path: Path) -> Path:
    return tmp_path / "far"


@pytest.fixture
def address(far: Path) -> str:
    return f"file://{far}"


def names(address: str, cache: Path) -> list[str]:
    with opened(address, cache) as store:
        return [teacher.name for teacher in store.teachers()]


def grow(path: Path, name: str) -> None:
    with FingerprintStore.open(path) as store:
        store.add(transcript(name), name)


def near(foreseen: int, sent: int) -> bool:
    return 0.8 * sent < foreseen < 1.6 * sent + 4096


@pytest.mark.parametrize("changed", ["new", "no index", "old index", "open log", "frozen"])
def test_a_dry_run_tells_as_many_objects_as_are_then_sent(
    address: str, tmp_path: Path, changed: str
) -> None:
    path = filled(tmp_path / "store", n=200)
    with FingerprintStore.open(path) as store:
        if changed == "frozen":
            store.freeze()
        elif changed != "new":
            store.add(transcript("d"), "d")
    if changed == "no index":
        (path / "CURRENT").unlink()
    held = FingerprintStore.open(path, read_only=True) if changed == "open log" else None
    told = foreseen(path, address)
    if held is not None:
        held.close()
    done = publish(path, address)
    assert told.reckoned == (changed != "frozen")
    assert (told.sent, told.there) == (done.sent, done.there) == (4, 0)
    assert near(told.sent_bytes, done.sent_bytes)
    assert foreseen(path, address) == publish(path, address)


def test_a_large_store_with_some_new_answers_is_published_whole(
    address: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EXACT_UP_TO", 100)
    monkeypatch.setattr(indexing, "IDS_A_SHARD", 150)
    path = filled(tmp_path / "store", n=120)
    publish(path, address)
    with FingerprintStore.open(path) as store:
        store.add(transcript("d", 6), "d")
        assert store.index.now().n == 362
        assert len(list(path.glob("gen-*/lists-*"))) == 3  # the new ones are beside them
    told = foreseen(path, address)
    done = publish(path, address)
    assert (told.sent, told.there) == (done.sent, done.there) == (6, 7)
    assert near(told.sent_bytes, done.sent_bytes)
    assert near(told.there_bytes, done.there_bytes)
    with opened(address, cache) as reader:
        assert [t.name for t in reader.teachers()] == ["a", "b", "c", "d"]
        assert reader.index.now().tail.n == 0  # type: ignore[union-attr]


def test_nothing_is_published_to_what_is_gone_with_the_command(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--dry-run"]):
        assert run(["store", "publish", "memory://x/y", "--store", str(path), *more]) == 2
        assert "gone when this command ends" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["store", "store/inner", "store/gen-000001", "other", "link"])
def test_a_store_is_not_published_into_a_folder_of_a_store(
    path: Path, tmp_path: Path, where: str
) -> None:
    filled(tmp_path / "other")
    (tmp_path / "link").symlink_to(path)
    before = sorted(str(file) for file in tmp_path.rglob("*"))
    for sending in (foreseen, publish):
        with pytest.raises(UsageProblem, match="not into its folder"):
            sending(path, f"file://{tmp_path}/{where}")
    assert sorted(str(file) for file in tmp_path.rglob("*")) == before
    with FingerprintStore.open(path, read_only=True) as store:
        assert store.verify() == []


@pytest.mark.parametrize("place", ["far", "/abs/far", "./far"])
def test_a_folder_that_is_no_address_is_told_how_to_be_one(
    path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["store", "publish", place, "--store", str(path)]) == 2
    assert "write file:///PATH" in capsys.readouterr().err


def test_a_folder_that_can_not_be_made_is_no_trouble_of_the_network(
    path: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    for where in (tmp_path / "file", tmp_path / "file" / "inner"):
        with pytest.raises(AuditError) as caught:
            publish(path, f"file://{where}")
        assert "credentials" not in str(caught.value)
        assert "network" not in str(caught.value)


KILLED = """
import os, signal, sys
from pathlib import Path
from fingerprints import publishing
real, left = publishing.shutil.copyfileobj, [int(sys.argv[3])]
def cut(source, target, size):
    left[0] -= 1
    if left[0] >= 0:
        return real(source, target, size)
    target.write(source.read(40))
    target.flush()
    os.kill(os.getpid(), signal.SIGKILL)
publishing.shutil.copyfileobj = cut
publishing.publish(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("sent", [0, 2])
def test_a_publisher_that_is_killed_leaves_the_old_store_and_nothing_half(
    path: Path, address: str, far: Path, cache: Path, sent: int
) -> None:
    publish(path, address)
    grow(path, "d")
    argv = [sys.executable, "-c", KILLED, str(path), address, str(sent)]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    for held in far.iterdir():
        if len(held.name) == 64:
            assert sha256(held.read_bytes()) == held.name
    assert names(address, cache) == ["a", "b", "c"]
    assert publish(path, address).sent == 4 - sent
    assert names(address, cache) == ["a", "b", "c", "d"]
    [left] = far.glob("tmp-*")  # somebody may be writing it now, so it stays a while
    os.utime(left, (0, 0))
    publish(path, address)
    assert not left.exists()


def test_a_listing_in_a_folder_is_never_half_written(path: Path, address: str, far: Path) -> None:
    publish(path, address)
    with (far / "store.json").open("rb") as reader:
        old = reader.read(10)
        grow(path, "d")
        publish(path, address)
        reader.seek(0)
        assert reader.read(10) == old  # another file took its name
        assert os.fstat(reader.fileno()).st_nlink == 0
    assert {file.name for file in far.iterdir() if len(file.name) != 64} == {"store.json"}


def test_several_publish_the_same_store_at_once(path: Path, address: str, cache: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.freeze()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: publish(path, address), range(4)))
    assert all(one.sent + one.there == 4 for one in done)
    assert names(address, cache) == ["a", "b", "c"]
