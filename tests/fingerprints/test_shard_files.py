"""Shards on the disk: finished files outlive kills, additions and removals; a stranger's are
refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from fingerprints import index_files, nearest, shard_files, sharded
from fingerprints.errors import ResourceLimit, StoreIntegrity
from fingerprints.progress import Progress
from fingerprints.records import canonical_json, sha256
from fingerprints.sharded import Sharded
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import queries, transcript
from tests.fingerprints.test_store_index import generation, look, vouch

NAMES = tuple("abcdef")


def opened(path: Path, read_only: bool = False, exact_up_to: int = 100) -> FingerprintStore:
    """A store whose shards hold 200 ids, and which is large from 100 vectors on."""
    made = path.exists()
    store = (
        FingerprintStore.open(path, read_only=read_only) if made else FingerprintStore.create(path)
    )
    store.index.exact_up_to, store.index.ids_a_shard = exact_up_to, 200
    return store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards") / "store"
    with opened(path) as store:
        for name in NAMES:
            store.add(transcript(name, 120), name)
        store.index.now()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store"))


def manifest_of(path: Path) -> bytes:
    return (generation(path) / "manifest.json").read_bytes()


def inodes(path: Path) -> dict[str, int]:
    return {file.name: file.stat().st_ino for file in generation(path).iterdir()}


def held(path: Path, names: tuple[str, ...] = NAMES) -> set[str]:
    """Whose answers stand first behind queries near to each model's."""
    with opened(path, read_only=True) as store:
        assert store.verify() == []
        _, ids = store.search(queries(store, names), 3)
        return {store.answer(int(i)).teacher for i in ids[:, 0]}


def test_every_shard_has_its_range_of_ids_and_all_are_found(path: Path) -> None:
    assert sorted(inodes(path)) == sorted(
        ["manifest.json", "cells.faiss"]
        + [
            f"{k}-{n:05d}.{e}"
            for n in range(4)
            for k, e in (("ids", "i64"), ("vectors", "f32"), ("lists", "faiss"))
        ]
    )
    assert held(path) == set(NAMES)
    assert not (path / "building").exists()


def test_the_exact_search_finds_the_same(path: Path) -> None:
    with opened(path, read_only=True) as store:
        wanted = queries(store, NAMES)
        index = store.index.now()
        assert isinstance(index, Sharded)
        scores, ids = store.search(wanted, 9, exact=True)
        _, proposed = store.search(wanted, 9)
        store.index.rebuild()
        exact, numbers = store.search(wanted, 9)
        assert store.recall() is None
    assert np.array_equal(ids, numbers)
    np.testing.assert_allclose(scores, exact, atol=1e-6)
    assert np.mean([np.isin(a, b).mean() for a, b in zip(numbers, proposed, strict=True)]) >= 0.9


def test_what_the_cells_find_is_measured_when_they_are_made_and_kept_while_they_are(
    path: Path,
) -> None:
    with opened(path, read_only=True) as store:
        first = store.recall()
        assert first is not None
        assert (first.n, first.queries, first.k) == (6 * 119, 500, 10)
        assert first.low >= 0.95 or first.probed == first.cells
    with opened(path) as store:
        store.add(transcript("new", 100), "new")
        assert store.recall() == first
        store.add(transcript("more", 120), "more")
        again = store.recall()
    assert again is not None
    assert (again.n, again.cells) == (6 * 119 + 99 + 119, first.cells)


def test_a_few_new_vectors_are_searched_beside_the_shards_and_write_nothing(path: Path) -> None:
    before = (path / "CURRENT").read_bytes()
    with opened(path) as store:
        store.add(transcript("new", 20), "new")
        _, ids = store.search(queries(store, ("new", "a")), 2)
        assert [store.answer(int(i)).teacher for i in ids[:, 0]] == ["new", "a"]
        index = store.index.now()
        assert isinstance(index, Sharded)
        assert index.tail.n == 19
        assert index.n == index.ids().size == 6 * 119 + 19
        assert np.array_equal(
            index.rows(index.places(index.ids())), [index.vector(int(i)) for i in index.ids()]
        )
        assert list(index.places(np.array([0, 120, 10**6]))) == [-1, -1, -1]
    assert (path / "CURRENT").read_bytes() == before
    assert "new" in held(path, (*NAMES, "new"))


def test_more_new_ones_extend_it_and_old_shards_are_not_written_again(path: Path) -> None:
    before = inodes(path)
    with opened(path) as store:
        store.add(transcript("new", 100), "new")
        store.index.now()
    after = inodes(path)
    kept = [
        name for name in before if "-0000" in name and not name.split("-")[1].startswith("00003")
    ]
    assert all(before[name] == after[name] for name in (*kept, "cells.faiss"))
    assert before["lists-00003.faiss"] != after["lists-00003.faiss"]
    assert "lists-00004.faiss" in after
    assert held(path, (*NAMES, "new")) == {*NAMES, "new"}


@pytest.mark.parametrize("change", ["grown", "its lists are gone", "an answer of it is gone"])
def test_of_a_shard_that_grew_only_what_is_new_is_sorted_and_its_lists_are_as_if_all_were(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    plain = Path(shutil.copytree(path, tmp_path / "plain"))
    added = faiss.IndexIVFPQ.add
    sizes: list[int] = []

    def counted(index: object, rows: np.ndarray) -> None:
        sizes.append(len(rows))
        added(index, rows)

    def grow(where: Path) -> bytes:
        with opened(where) as store:
            store.index.now()
            if change == "its lists are gone":
                (generation(where) / "lists-00003.faiss").unlink()
            if change == "an answer of it is gone":
                store.remove("f")
            store.add(transcript("new", 100), "new")
            sizes.clear()
            store.index.now()
        return (generation(where) / "lists-00003.faiss").read_bytes()

    monkeypatch.setattr(faiss.IndexIVFPQ, "add", counted)
    found, sorted_anew = grow(path), sum(sizes)
    monkeypatch.setattr(shard_files.ShardBuild, "_begun", lambda *_: 0)
    assert grow(plain) == found
    assert (sorted_anew < sum(sizes)) == (change == "grown")
    assert sorted_anew == 99 if change == "grown" else sorted_anew == sum(sizes)
    assert held(path, ("a", "new")) == {"a", "new"}


def test_a_removal_makes_only_its_shards_anew(path: Path) -> None:
    before = inodes(path)
    with opened(path) as store:
        store.remove("a")
        store.index.now()
    after = inodes(path)
    assert "lists-00000.faiss" in after
    assert before["lists-00000.faiss"] != after["lists-00000.faiss"]
    assert before["lists-00002.faiss"] == after["lists-00002.faiss"]
    assert "a" not in held(path)
    with opened(path) as store:
        store.remove("b")
        store.index.now()
    assert "lists-00000.faiss" not in inodes(path)  # none of its ids is left


def test_an_old_vector_is_never_served_after_a_restored_catalogue(
    path: Path, tmp_path: Path
) -> None:
    # The same ids stand for other answers, and a killed build's files of the other history lie about.
    with opened(path) as store:
        store.freeze()
    shutil.copytree(path, tmp_path / "other")
    with opened(path) as store:
        store.add(transcript("right", 100), "right")
        store.freeze()
    with opened(tmp_path / "other") as store:
        store.add(transcript("wrong", 100), "wrong")
        store.index._catalog.freeze()
    killed(tmp_path / "other", 12)
    shutil.copytree(tmp_path / "other" / "building", path / "building")
    with opened(path) as store:
        store.rebuild()
    assert held(path, (*NAMES, "right")) == {*NAMES, "right"}


def killed(path: Path, after: int) -> int:
    """A rebuild that is killed behind so many finished files; how many notes it left."""
    code = (
        "import os, sys; from pathlib import Path; from tests.fingerprints.test_shard_files import opened;"
        "from fingerprints import shard_files\n"
        "real, left = shard_files.ShardBuild._finished, [int(sys.argv[2])]\n"
        "def armed(self, *rest):\n"
        "    real(self, *rest); left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), 9)\n"
        "shard_files.ShardBuild._finished = armed\n"
        "with opened(Path(sys.argv[1])) as s: s.rebuild()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(after)], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return len(list((path / "building").glob("*.json"))) if done.returncode else -1


class Steps(Progress):
    """Counts vectors that were sorted into cells anew."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, label: str, whole: bool = False) -> Progress:
        self.steps.append(label)
        return self


@pytest.mark.parametrize("after", [1, 5, 8, 9, 11])
def test_a_killed_build_goes_on_where_it_was_and_serves_what_was_before(
    path: Path, after: int
) -> None:
    expected = look(path)
    assert killed(path, after) == after
    assert look(path) == expected
    files = {f: f.stat().st_ino for f in (path / "building").iterdir() if f.suffix != ".json"}
    with opened(path) as store:
        assert store.verify() == []
        told = Steps()
        store.index.rebuild(told)
    assert ("training cells" in told.steps) == (after < 9)
    # Eight files of rows, the cells, four of lists: what was finished has the same inode. Ids and
    # vectors of a shard are finished together.
    kept = sum(inodes(path).get(file.name) == inode for file, inode in files.items())
    assert kept == (after if after >= 8 else after // 2 * 2)
    assert not (path / "building").exists()
    assert look(path) == expected


def test_a_finished_file_that_was_damaged_since_is_made_again(path: Path) -> None:
    expected = look(path)
    killed(path, 10)
    for name in ("vectors-00001.f32", "cells.faiss", "lists-00000.faiss"):
        file = path / "building" / name
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    (path / "building" / "ids-00000.i64.json").write_text("rubbish")
    with opened(path) as store:
        store.rebuild()
        assert store.verify() == []
    assert look(path) == expected


def test_a_file_system_without_links_gets_copies(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    expected = look(path)
    with opened(path) as store:
        store.rebuild()
    assert look(path) == expected


def test_linking_what_is_not_there_says_so(tmp_path: Path) -> None:
    assert not index_files.linked(tmp_path / "absent", tmp_path / "x")
    (tmp_path / "y").write_bytes(b"1")
    assert index_files.linked(tmp_path / "y", tmp_path / "x")
    assert index_files.linked(tmp_path / "y", tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x", "y"]


@pytest.mark.parametrize(
    "change",
    [
        "other lists",
        "lists elsewhere",
        "fewer vectors",
        "ids turned round",
        "vectors turned round",
        "measured on other cells",
        "more cells than there are",
    ],
)
def test_whole_shards_that_are_not_this_stores_are_refused_though_all_digests_fit(
    path: Path, change: str
) -> None:
    folder, recall = generation(path), json.loads(manifest_of(path))["recall"]
    if change == "measured on other cells":
        recall["cells"] += 1
    elif change == "more cells than there are":
        recall["probed"] = recall["cells"] + 1
    elif change == "other lists":
        (folder / "lists-00000.faiss").write_bytes((folder / "lists-00003.faiss").read_bytes())
    elif change == "lists elsewhere":
        data = (folder / "lists-00000.faiss").read_bytes()
        (folder / "lists-00000.faiss").write_bytes(b"ilod" + data[4:])
    elif change == "fewer vectors":
        data = (folder / "vectors-00000.f32").read_bytes()
        (folder / "vectors-00000.f32").write_bytes(data[:-1024])
    elif change == "ids turned round":
        ids = np.fromfile(folder / "ids-00000.i64", "<i8")
        ids[::-1].tofile(folder / "ids-00000.i64")
    else:
        rows = np.fromfile(folder / "vectors-00001.f32", "<f4").reshape(-1, 256)
        rows[::-1].tofile(folder / "vectors-00001.f32")
    vouch(path, recall=recall)
    with pytest.raises(StoreIntegrity, match="index is damaged"):
        look(path)


def test_cells_that_hold_vectors_or_are_of_another_metric_are_refused(path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((300, 256)).astype(np.float32)
    other = nearest.train(rows, 300)
    other.add(rows)
    faiss.write_index(other, str(generation(path) / "cells.faiss"))
    vouch(path)
    with pytest.raises(StoreIntegrity, match="cells of"):
        look(path)


def test_lists_that_claim_more_than_they_hold_take_no_memory(path: Path) -> None:
    folder = generation(path)
    record = json.loads((folder / "manifest.json").read_bytes())
    original = (folder / "lists-00000.faiss").read_bytes()
    trained = nearest.read(memoryview((folder / "cells.faiss").read_bytes()))
    n = record["shards"][0]["n"]
    refused = 0
    for offset in range(4, 60):
        for size in (2**28, 2**33, 2**62):
            data = original[:offset] + size.to_bytes(8, "little") + original[offset + 8 :]
            try:
                sharded.lists_over(trained, np.frombuffer(data, np.uint8), n)
            except StoreIntegrity:
                refused += 1
    assert refused > 100


def test_a_reader_of_a_large_store_without_a_fitting_index_is_told_to_have_it_built(
    path: Path,
) -> None:
    with opened(path) as store:
        store.remove("a")
    with opened(path, read_only=True) as store:
        store.index.most_in_memory = 500
        with pytest.raises(ResourceLimit, match="auditor store rebuild"):
            store.search(queries(store), 1)


def test_the_index_of_a_former_version_is_read_and_then_replaced(path: Path) -> None:
    expected, exact = look(path), look(path, exact=True)
    former(path)
    with opened(path, read_only=True) as store:
        assert store.index.now().kind == "ivf-pq"
        assert store.recall() is None
        assert store.verify() == []
    assert look(path) == exact  # nobody measured what its cells find
    with opened(path) as store:
        store.rebuild()
    assert "cells.faiss" in inodes(path)
    assert look(path) == expected


def test_shards_that_nobody_measured_are_searched_exactly_and_measured_by_the_next_writer(
    path: Path,
) -> None:
    record = json.loads(manifest_of(path))
    del record["recall"]
    (generation(path) / "manifest.json").write_bytes(canonical_json(record))
    vouch(path, format="generation/2")
    with opened(path, read_only=True) as store:
        assert isinstance(store.index.now(), Sharded)
        assert store.recall() is None
        wanted = queries(store, NAMES)
        found, exact = store.search(wanted, 9), store.search(wanted, 9, exact=True)
        assert np.array_equal(found[1], exact[1])
        assert store.verify() == []
    before = inodes(path)
    with opened(path) as store:
        store.add(transcript("new", 100), "new")
        assert store.recall() is not None
    after = inodes(path)
    for name in ("vectors-00000.f32", "cells.faiss", "lists-00000.faiss"):
        assert before[name] == after[name]
    assert held(path, (*NAMES, "new")) == {*NAMES, "new"}


def former(path: Path) -> None:
    """Puts an index of a piece in the place of the shards, as versions before them wrote it."""
    with opened(path, read_only=True) as store:
        blocks = list(store.catalog.vectors())
    ids, rows = (np.ascontiguousarray(np.concatenate(part)) for part in zip(*blocks, strict=True))
    index = nearest.train(rows, len(rows))
    index.add_with_ids(rows, ids)
    folder = generation(path)
    record = json.loads((folder / "manifest.json").read_bytes())
    for file in folder.iterdir():
        file.unlink()
    faiss.write_index(index, str(folder / "index.faiss"))
    ids.astype("<i8").tofile(folder / "ids.i64")
    rows.astype("<f4").tofile(folder / "vectors.f32")
    del record["shards"], record["recall"]
    (folder / "manifest.json").write_text("{}")
    names = ("ids.i64", "index.faiss", "vectors.f32")
    record |= {"format": "generation/1", "kind": "ivf-pq", "files": dict.fromkeys(names)}
    (folder / "manifest.json").write_text(json.dumps(record))
    vouch(path)


def test_an_exact_manifest_is_written_as_former_versions_read_it(tmp_path: Path) -> None:
    with opened(tmp_path / "s", exact_up_to=10**6) as store:
        store.add(transcript("a"), "a")
        store.index.now()
    record = json.loads((generation(tmp_path / "s") / "manifest.json").read_bytes())
    assert record["format"] == "generation/1"
    assert not {"shards", "recall"} & set(record)
    assert sha256((generation(tmp_path / "s") / "manifest.json").read_bytes())
