"""Kills, full disks, two writers, readers beside writers: what was acknowledged stands, and
nothing is half there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fingerprints import durable
from fingerprints.errors import Locked, ResourceLimit
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import filled, queries, transcript


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "store")


def kill_trials(folder: Path, trials: int, seed: int) -> list[dict[str, object]]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fingerprints.kill_trials",
            str(folder),
            str(trials),
            str(seed),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_kill_loses_an_acknowledged_model_or_leaves_half_a_store(tmp_path: Path) -> None:
    trials = kill_trials(tmp_path, 14, seed=7)
    assert [t for t in trials if t["wrong"]] == []
    assert sum(int(str(t["acknowledged"])) for t in trials) > 10
    assert any(t["shards"] for t in trials)


@pytest.mark.slow
def test_no_kill_at_any_of_many_points_and_times_does(tmp_path: Path) -> None:
    for seed in range(3):
        trials = kill_trials(tmp_path / str(seed), 64, seed)
        assert [t for t in trials if t["wrong"]] == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 5_000, 60_000, 200_000])
def test_a_full_disk_rolls_the_model_back_and_says_so(path: Path, room: int) -> None:
    with FingerprintStore.open(path) as store:
        with largest_file(room), pytest.raises(ResourceLimit, match="free some space"):
            store.add(transcript("big", 3000), "big")
        assert [t.name for t in store.teachers()] == ["a", "b", "c"]
        assert store.verify() == []
        store.add(transcript("d"), "d")
    with FingerprintStore.open(path) as store:
        assert store.verify() == []
        assert store.transcript("d") == transcript("d")


@pytest.mark.parametrize("room", [0, 100, 30_000])
def test_a_full_disk_while_the_index_is_written_keeps_the_old_one(path: Path, room: int) -> None:
    before = (path / "CURRENT").read_text()
    with FingerprintStore.open(path) as store:
        store.add(transcript("d", 60), "d")
        with largest_file(room), pytest.raises(ResourceLimit, match="free some space"):
            store.search(queries(store), 3)
        assert (path / "CURRENT").read_text() == before
        assert [p.name for p in path.rglob("tmp-*")] == []
        assert len(list(path.glob("gen-*"))) == 1
        _, ids = store.search(queries(store, ("d",)), 200)
        assert len(set(ids[0])) == ids.shape[1] == 57 + 59
        assert store.verify() == []


def test_a_second_writer_waits_and_is_then_told_who_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "LONGEST_WAIT", 0.3)
    with FingerprintStore.open(path) as store:
        start = time.monotonic()
        with pytest.raises(Locked, match=str(os.getpid())) as caught:
            FingerprintStore.open(path)
        assert 0.25 < time.monotonic() - start < 3
        assert caught.value.exit_code == 9
        store.add(transcript("d"), "d")


def test_the_wait_is_five_seconds_at_most() -> None:
    assert durable.LONGEST_WAIT == 5.0


def test_a_second_writer_goes_on_when_the_first_is_done(path: Path) -> None:
    store = FingerprintStore.open(path)
    released: list[float] = []

    def hold() -> None:
        time.sleep(0.3)
        released.append(time.monotonic())
        store._lock.close()  # type: ignore[union-attr]

    thread = threading.Thread(target=hold)
    thread.start()
    with FingerprintStore.open(path) as second:
        assert time.monotonic() >= released[0]
        second.add(transcript("d"), "d")
    thread.join()
    store.close()


def test_a_lock_that_was_removed_by_a_freeze_does_not_let_two_writers_in(path: Path) -> None:
    first = FingerprintStore.open(path)
    opened: list[FingerprintStore] = []
    waiting = threading.Thread(target=lambda: opened.append(FingerprintStore.open(path)))
    waiting.start()
    time.sleep(0.2)
    first.freeze()
    waiting.join()
    try:
        assert os.path.samestat(os.stat(path / "LOCK"), os.fstat(opened[0]._lock._file))  # type: ignore[union-attr]
    finally:
        opened[0]._lock.close()  # type: ignore[union-attr]


def test_a_dead_writers_lock_frees_itself(path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from fingerprints.store import FingerprintStore as F;"
    code += "s = F.open(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with FingerprintStore.open(path) as store:
        assert len(store.teachers()) == 3


def test_a_reader_opens_what_was_killed_in_the_middle_of_packing(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.freeze()
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('PRAGMA cache_size=1');"
        "db.execute('BEGIN'); db.execute('UPDATE blocks SET data = zeroblob(5000)');"
        "db.execute('DELETE FROM vectors'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path / "catalog.sqlite")], check=False)
    assert (path / "catalog.sqlite-journal").stat().st_size > 0
    with FingerprintStore.open(path, read_only=True) as store:
        assert store.transcript("a") == transcript("a")
        assert store.verify() == []


def test_a_reader_sees_each_committed_state_while_a_writer_goes_on(path: Path) -> None:
    with (
        FingerprintStore.open(path) as writer,
        FingerprintStore.open(path, read_only=True) as reader,
    ):
        assert reader.search(queries(reader), 1)[1].shape == (3, 1)
        for name in "def":
            writer.add(transcript(name), name)
            _, ids = reader.search(queries(reader, (name,)), 1)
            assert reader.answer(ids[0, 0]).teacher == name
            writer.index.now()
        writer.remove("d")
        assert [t.name for t in reader.teachers()] == ["a", "b", "c", "e", "f"]
        _, ids = reader.search(queries(reader, ("d",)), 3)
        assert "d" not in {reader.answer(i).teacher for i in ids[0]}


def test_a_reader_finishes_though_its_generation_is_gone(path: Path) -> None:
    with FingerprintStore.open(path, read_only=True) as reader:
        first = reader.search(queries(reader), 5)
        with FingerprintStore.open(path) as writer:
            writer.rebuild()
            writer.rebuild()
        assert [p.name for p in path.glob("gen-*")] == ["gen-000003"]
        again = reader.search(queries(reader), 5)
    assert [x.tobytes() for x in first] == [x.tobytes() for x in again]


def test_readers_beside_a_busy_writer_never_fail(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fingerprints.store import FingerprintStore as F;"
        "from tests.fingerprints.stored import transcript\n"
        "with F.open(Path(sys.argv[1])) as s:\n"
        "    for i in range(10):\n"
        "        s.add(transcript(f'w{i}', 30), f'w{i}'); s.index.now()\n"
    )
    looks, most = 0, 0
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as child:
        while child.poll() is None:
            with FingerprintStore.open(path, read_only=True) as store:
                names = [t.name for t in store.teachers()]
                _, ids = store.search(queries(store), 1)
                assert [store.answer(i).teacher for i in ids[:, 0]] == ["a", "b", "c"]
                looks, most = looks + 1, max(most, len(names))
    assert child.returncode == 0
    assert looks > 5
    assert most > 3


def test_closing_twice_is_fine_and_frees_the_lock_once(path: Path) -> None:
    store = FingerprintStore.open(path)
    store.close()
    with FingerprintStore.open(path) as second:
        store.close()
        second.add(transcript("d"), "d")
