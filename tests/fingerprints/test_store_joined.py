"""Several processes that add to one store at once: nothing is lost, nothing is there twice,
whoever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprints import store as stores
from fingerprints.errors import Locked, UsageProblem
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import filled, queries, transcript

WRITER = """
import os, sys
from pathlib import Path
from fingerprints import catalog
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import transcript
path, names, die_at = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])
real, calls = catalog.Catalog._log, 0
def armed(*given):
    global calls
    calls += 1
    if calls == die_at: os.kill(os.getpid(), 9)
    real(*given)
catalog.Catalog._log = armed
with FingerprintStore.join(path) as store:
    for name in names:
        put = store.put(transcript(name, 8), name)
        print(name, int(put.fresh), flush=True)
"""


def writer(path: Path, names: list[str], die_at: int = 0) -> subprocess.Popen[str]:
    code = [sys.executable, "-c", WRITER, str(path), ",".join(names), str(die_at)]
    return subprocess.Popen(code, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> list[tuple[str, bool]]:
    out, _ = process.communicate(timeout=110)
    return [(name, fresh == "1") for name, fresh in (line.split() for line in out.splitlines())]


def test_processes_that_begin_a_store_together_store_each_model_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store"
    common = [f"c{i}" for i in range(5)]
    turns = [[*common, *(f"p{p}m{i}" for i in range(4))] for p in range(3)]
    for names in turns:
        random.Random(len(names[-1])).shuffle(names)
    heard = [told for one in [writer(path, names) for names in turns] for told in said(one)]
    everybody = sorted({name for names in turns for name in names})
    assert sorted(name for name, fresh in heard if fresh) == everybody
    assert len(heard) == sum(map(len, turns))
    with FingerprintStore.open(path) as store:
        assert [t.name for t in store.teachers()] == everybody
        assert store.catalog.count_vectors() == 7 * len(everybody)
        ids = [int(i) for some in store.catalog.vector_ids() for i in some]
        assert len(set(ids)) == len(ids)
        assert all(store.transcript(name) == transcript(name, 8) for name in everybody)
        _, found = store.search(queries(store, tuple(everybody)), 1)
        assert [store.answer(int(i)).teacher for i in found[:, 0]] == everybody
        assert store.verify() == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_writer_loses_what_it_had_not_said_and_stops_nobody(
    tmp_path: Path, seed: int
) -> None:
    path, rng = filled(tmp_path / "store", ("a",), 8), random.Random(seed)
    turns = [[f"p{p}m{i}" for i in range(n)] for p, n in enumerate((6, 400, 6))]
    running = [writer(path, turns[0], rng.randint(2, 5)), *(writer(path, t) for t in turns[1:])]
    # Whenever it has said something: a busy machine begins later, and a quick one is not done yet.
    early = [next(iter(running[1].stdout or ())) for _ in range(rng.randint(1, 3))]
    running[1].send_signal(signal.SIGKILL)
    heard = [said(one) for one in running]
    heard[1] += [(line.split()[0], line.split()[1] == "1") for line in early]
    assert running[0].returncode == running[1].returncode == -signal.SIGKILL
    assert [name for name, _ in heard[2]] == turns[2]
    with FingerprintStore.open(path, read_only=True) as store:
        names = {t.name for t in store.teachers()}
        assert {name for told in heard for name, _ in told} <= names
        # At most one model a killed writer was committed and not told of any more.
        assert len(names) <= 1 + sum(map(len, heard)) + 2
        assert store.verify() == []
    # Whoever is run again finds what was stored, and adds the rest.
    again = said(writer(path, turns[0]))
    assert [name for name, _ in again] == turns[0]
    assert {name for name, fresh in again if not fresh} >= {name for name, _ in heard[0]}


def test_another_model_of_the_same_name_is_refused_whoever_came_first(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with FingerprintStore.join(path) as one, FingerprintStore.join(path) as two:
        assert one.put(transcript("x"), "m").fresh
        assert not two.put(transcript("x"), "m").fresh
        with pytest.raises(UsageProblem, match="other content"):
            two.put(transcript("y"), "m")
        assert two.put(transcript("y"), "m", replace=True).fresh
        assert one.transcript("m") == transcript("y")
        assert one.remove("m").name == "m"
        assert two.teachers() == []


def test_a_model_that_came_in_while_it_was_prepared_is_not_stored_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store"
    with FingerprintStore.join(path) as one, FingerprintStore.join(path) as two:
        real = stores.sign

        def slow(*given: object) -> object:
            monkeypatch.setattr(stores, "sign", real)
            two.put(transcript("x"), "m")
            return real(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(stores, "sign", slow)
        assert not one.put(transcript("x"), "m").fresh
        assert [t.name for t in one.teachers()] == ["m"]


def test_who_joins_waits_for_an_exclusive_writer_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "store")
    with FingerprintStore.join(path) as store:
        monkeypatch.setattr(stores, "PATIENCE", 0.2)
        with FingerprintStore.open(path) as alone:
            with pytest.raises(Locked, match=str(os.getpid())):
                store.put(transcript("d"), "d")
            alone.add(transcript("e"), "e")
        store.put(transcript("d"), "d")
        assert [t.name for t in store.teachers()] == ["a", "b", "c", "d", "e"]
        assert not store.read_only
        with pytest.raises(UsageProblem, match="joined"):
            store.rebuild()
        _, ids = store.search(queries(store, ("d",)), 1)
        assert store.answer(int(ids[0, 0])).teacher == "d"


@pytest.mark.parametrize(
    ("trials", "seed"), [(1, 2), pytest.param(12, 100, marks=pytest.mark.slow)]
)
def test_writers_and_a_builder_that_are_killed_over_and_over_lose_nothing(
    tmp_path: Path, trials: int, seed: int
) -> None:
    given = [str(tmp_path / "trials"), str(trials), str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fingerprints.crowd_trials", *given],
        capture_output=True,
        text=True,
        check=False,
        timeout=110 * trials,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [t for t in told if t["wrong"]] == []
    assert sum(t["kills"] for t in told) > 3 * trials
    assert all("built" in t["steps"] for t in told)
