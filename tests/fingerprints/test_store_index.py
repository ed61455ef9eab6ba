"""The index on the disk: exact answers, and never a wrong neighbour from bytes that nobody
wrote."""

from __future__ import annotations

import json
import os
import resource
import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest

from fingerprints import nearest
from fingerprints.embed import Vectors
from fingerprints.errors import AuditError, MalformedInput, StoreIntegrity, UsageProblem
from fingerprints.records import canonical_json, sha256
from fingerprints.sharded import Sharded
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import filled, queries, transcript

Found = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose index is approximate."""
    path = tmp_path_factory.mktemp("large") / "store"
    with FingerprintStore.create(path) as store:
        store.index.exact_up_to = 100
        store.index.ids_a_shard = 150
        for name in "abc":
            store.add(transcript(name, 120), name)
        store.index.now()
    return path


def look(path: Path, exact: bool = False) -> Found:
    with FingerprintStore.open(path, read_only=True) as store:
        scores, ids = store.search(queries(store), 5, exact)
        return scores.tobytes(), ids.tobytes()


def generation(path: Path) -> Path:
    return path / (path / "CURRENT").read_text().split()[0]


def vouch(path: Path, **changes: object) -> None:
    """Makes manifest and CURRENT fit whatever lies in the generation, as an attacker with the
    format at hand would."""
    folder = generation(path)
    record = json.loads((folder / "manifest.json").read_bytes()) | changes
    for name in record["files"]:
        data = (folder / name).read_bytes()
        record["files"][name] = {"size": len(data), "sha256": sha256(data)}
    data = canonical_json(record)
    (folder / "manifest.json").write_bytes(data)
    (path / "CURRENT").write_text(f"{folder.name} {sha256(data)}\n")


def test_scores_are_the_cosines_of_the_stored_vectors(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        wanted = queries(store)
        scores, ids = store.search(wanted * 7, 57)
        held = {
            int(i): v
            for some, rows in store.catalog.vectors()
            for i, v in zip(some, rows, strict=True)
        }
        assert ids.shape == (3, 57)
        for row, (numbers, values) in enumerate(zip(ids, scores, strict=True)):
            assert sorted(numbers) == sorted(held)
            np.testing.assert_allclose(
                values, [held[int(i)] @ wanted[row] for i in numbers], atol=1e-5
            )
            assert bool(np.all(np.diff(values) <= 0))


def test_asking_for_more_than_there_is_gives_all_there_is(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        assert store.search(queries(store), 10_000)[1].shape == (3, 57)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.full((1, 256), np.nan), "zero or not finite"),
        (np.zeros((1, 256)), "zero or not finite"),
        (np.full((1, 256), np.inf), "zero or not finite"),
        (np.ones((1, 255)), "instead of"),
        (np.ones(256), "instead of"),
    ],
)
def test_a_query_without_a_cosine_is_refused(path: Path, bad: Vectors, why: str) -> None:
    with FingerprintStore.open(path) as store, pytest.raises(MalformedInput, match=why):
        store.search(bad, 1)


def test_no_neighbours_asked_is_refused_and_no_queries_give_none(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        with pytest.raises(UsageProblem, match="k must be"):
            store.search(queries(store), 0)
        assert store.search(np.empty((0, 256), np.float32), 3)[1].shape[0] == 0


def test_adding_builds_nothing_until_somebody_searches(path: Path) -> None:
    before = (path / "CURRENT").read_text()
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
        assert (path / "CURRENT").read_text() == before
        assert store.answer(store.search(queries(store, ("d",)), 1)[1][0, 0]).teacher == "d"
    assert (path / "CURRENT").read_text() != before
    assert len(list(path.glob("gen-*"))) == 1


def test_an_index_that_grew_equals_one_that_was_built_at_once(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.search(queries(store), 1)
        store.add(transcript("d"), "d")
        grown = store.search(queries(store, ("a", "d")), 9)
        store.rebuild()
        anew = store.search(queries(store, ("a", "d")), 9)
    assert [x.tobytes() for x in grown] == [x.tobytes() for x in anew]


def test_a_stale_index_is_renewed_in_memory_where_nothing_may_be_written(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
        store.remove("a")
    before = {p: p.read_bytes() for p in path.rglob("gen-*/*")}
    with FingerprintStore.open(path, read_only=True) as store:
        _, ids = store.search(queries(store, ("a", "d")), 5)
        assert {store.answer(i).teacher for i in ids.ravel()} <= {"b", "c", "d"}
        assert store.answer(ids[1, 0]).teacher == "d"
    assert {p: p.read_bytes() for p in path.rglob("gen-*/*")} == before


def test_a_missing_index_is_built_without_a_word(path: Path) -> None:
    expected = look(path)
    shutil.rmtree(generation(path))
    (path / "CURRENT").unlink()
    assert look(path) == expected
    with FingerprintStore.open(path) as store:
        store.index.now()
    assert (path / "CURRENT").exists()
    assert look(path) == expected


def test_a_generation_that_no_pointer_names_is_not_served(path: Path) -> None:
    expected = look(path)
    shutil.copytree(generation(path), path / "gen-000007")
    (path / "gen-000007" / "index.faiss").write_bytes(b"rubbish")
    assert look(path) == expected


def flips(data: bytes, count: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    places = (
        range(len(data))
        if len(data) <= count
        else sorted(rng.choice(len(data), count, replace=False))
    )
    return [
        data[:p] + bytes([data[p] ^ (1 << int(rng.integers(8)))]) + data[p + 1 :] for p in places
    ]


def cuts(data: bytes, count: int) -> list[bytes]:
    return [data[:n] for n in sorted({int(x) for x in np.linspace(0, len(data) - 1, count)})]


def served_or_refused(path: Path, file: Path, variants: list[bytes], expected: Found) -> int:
    original, refused = file.read_bytes(), 0
    for variant in variants:
        file.write_bytes(variant)
        try:
            found = look(path)
        except StoreIntegrity as error:
            refused += f"auditor store rebuild --store {path}" in error.line()
            continue
        assert found == expected
    file.write_bytes(original)
    assert look(path) == expected
    return refused


@pytest.mark.parametrize("name", ["CURRENT", "manifest.json", "index.faiss"])
def test_no_flipped_bit_and_no_cut_gives_another_neighbour(path: Path, name: str) -> None:
    expected = look(path)
    file = path / name if name == "CURRENT" else generation(path) / name
    variants = flips(file.read_bytes(), 100, 1) + cuts(file.read_bytes(), 40)
    assert served_or_refused(path, file, variants, expected) == len(variants)


@pytest.mark.parametrize(
    "name", ["ids-00000.i64", "cells.faiss", "lists-00001.faiss", "vectors-00002.f32"]
)
def test_no_flipped_bit_in_a_large_store_gives_another_neighbour(large: Path, name: str) -> None:
    expected = look(large)
    file = generation(large) / name
    variants = flips(file.read_bytes(), 30, 2) + cuts(file.read_bytes(), 12)
    assert served_or_refused(large, file, variants, expected) == len(variants)


def test_a_damaged_index_is_rebuilt_by_the_command_that_the_message_names(path: Path) -> None:
    expected = look(path)
    for name in ("index.faiss", "manifest.json", "CURRENT"):
        (path / name if name == "CURRENT" else generation(path) / name).write_bytes(b"rubbish")
        with FingerprintStore.open(path) as store:
            with pytest.raises(StoreIntegrity, match="auditor store rebuild"):
                store.search(queries(store), 5)
            assert len(store.verify()) == 1
            assert store.transcript("a") == transcript("a")
            store.rebuild()
            assert store.verify() == []
        assert look(path) == expected
        assert len(list(path.glob("gen-*"))) == 1


def test_a_missing_or_additional_file_in_a_generation_is_named(path: Path) -> None:
    (generation(path) / "ids-0000.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StoreIntegrity, match=r"ids-0000\.npy"):
        look(path)
    (generation(path) / "ids-0000.npy").unlink()
    (generation(path) / "index.faiss").unlink()
    with pytest.raises(StoreIntegrity, match=r"index\.faiss"):
        look(path)


def built(kind: str, vectors: Vectors, ids: np.ndarray) -> faiss.Index:
    d = vectors.shape[1]
    wide = np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, 4))))
    index = {
        "another metric": faiss.IndexIDMap2(faiss.IndexFlatL2(d)),
        "another dimension": faiss.IndexIDMap2(faiss.IndexFlatIP(d + 4)),
        "another type": faiss.IndexIDMap2(faiss.IndexHNSWFlat(d, 4, faiss.METRIC_INNER_PRODUCT)),
        "no ids": faiss.IndexFlatIP(d),
    }.get(kind, faiss.IndexIDMap2(faiss.IndexFlatIP(d)))
    if kind == "no ids":
        index.add(vectors)
    elif kind == "fewer":
        index.add_with_ids(vectors[:-1], ids[:-1])
    elif kind == "ids turned round":
        index.add_with_ids(vectors, np.ascontiguousarray(ids[::-1]))
    elif kind == "vectors turned round":
        index.add_with_ids(np.ascontiguousarray(vectors[::-1]), ids)
    else:
        index.add_with_ids(wide if kind == "another dimension" else vectors, ids)
    return index


KINDS = [
    "another metric",
    "another dimension",
    "another type",
    "no ids",
    "fewer",
    "ids turned round",
    "vectors turned round",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_index_that_is_not_this_stores_is_refused_though_all_digests_fit(
    path: Path, kind: str
) -> None:
    with FingerprintStore.open(path, read_only=True) as store:
        blocks = list(store.catalog.vectors())
    index = built(
        kind, np.concatenate([v for _, v in blocks]), np.concatenate([i for i, _ in blocks])
    )
    faiss.write_index(index, str(generation(path) / "index.faiss"))
    vouch(path)
    with pytest.raises(StoreIntegrity, match="index is damaged"):
        look(path)


def test_an_index_of_another_catalogue_is_refused(path: Path, tmp_path: Path) -> None:
    other = filled(tmp_path / "other", ("x", "y", "z"))
    shutil.rmtree(generation(path))
    shutil.copytree(generation(other), path / generation(other).name)
    shutil.copy(other / "CURRENT", path / "CURRENT")
    with pytest.raises(StoreIntegrity, match="another catalogue"):
        look(path)


def test_an_index_newer_than_its_catalogue_is_refused(path: Path, tmp_path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.freeze()
    shutil.copy(path / "catalog.sqlite", tmp_path / "old.sqlite")
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
        store.freeze()
    shutil.copy(tmp_path / "old.sqlite", path / "catalog.sqlite")
    with pytest.raises(StoreIntegrity, match="another catalogue"):
        look(path)


def test_a_manifest_cannot_name_files_outside(path: Path, tmp_path: Path) -> None:
    entry = {"size": 1, "sha256": "0" * 64}
    folder = generation(path)
    record = json.loads((folder / "manifest.json").read_bytes())
    data = canonical_json(record | {"files": {"../../etc/passwd": entry}})
    (folder / "manifest.json").write_bytes(data)
    (path / "CURRENT").write_text(f"{folder.name} {sha256(data)}\n")
    with pytest.raises(StoreIntegrity, match="missing or unknown file"):
        look(path)


def test_a_bomb_of_an_index_is_refused_without_taking_memory(path: Path) -> None:
    original = (generation(path) / "index.faiss").read_bytes()
    before, refused = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for offset in range(120):
        for size in (2**28, 2**33, 2**40, 2**62):
            try:
                raw = nearest.read(
                    memoryview(
                        original[:offset] + size.to_bytes(8, "little") + original[offset + 8 :]
                    )
                )
            except StoreIntegrity:
                refused += 1
                continue
            problem = nearest.problem_with(raw, "flat", 256, 57)
            assert problem is None or "instead of" in problem or "ids for" in problem
    assert refused > 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_limits_on_reading_are_put_back(path: Path) -> None:
    before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    look(path)
    with pytest.raises(StoreIntegrity):
        nearest.read(memoryview(b"IxMprubbish"))
    assert (
        faiss.get_deserialization_vector_byte_limit(),
        faiss.get_deserialization_loop_limit(),
    ) == before


def test_a_file_swapped_after_it_was_verified_is_not_read(large: Path, tmp_path: Path) -> None:
    expected = look(large)
    path = Path(shutil.copytree(large, tmp_path / "copy"))
    with FingerprintStore.open(path, read_only=True) as store:
        wanted = queries(store)
        store.search(wanted, 1)
        for name in ("vectors-00000.f32", "cells.faiss", "lists-00000.faiss", "ids-00001.i64"):
            (tmp_path / name).write_bytes(bytes(os.path.getsize(generation(path) / name)))
            os.replace(tmp_path / name, generation(path) / name)
        scores, ids = store.search(wanted, 5)
    assert (scores.tobytes(), ids.tobytes()) == expected


def test_a_large_store_gives_exact_scores_and_the_nearest_answers(
    large: Path, tmp_path: Path
) -> None:
    with FingerprintStore.open(large, read_only=True) as store:
        assert isinstance(store.index.now(), Sharded)
        wanted = queries(store)
        scores, ids = store.search(wanted, 5, exact=True)
        exact = store.search(wanted, 5) if store.index.rebuild().kind == "flat" else None
    assert exact is not None
    np.testing.assert_allclose(scores, exact[0], atol=1e-6)
    assert np.array_equal(ids, exact[1])


def test_a_large_store_grows_shrinks_and_still_finds(large: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(large, tmp_path / "copy"))
    with FingerprintStore.open(path) as store:
        store.index.exact_up_to = 100
        store.index.now()
        store.add(transcript("d", 50), "d")
        assert store.answer(store.search(queries(store, ("d",)), 1)[1][0, 0]).teacher == "d"
        store.remove("a")
        _, ids = store.search(queries(store, ("a",)), 10)
        assert {store.answer(i).teacher for i in ids[0]} <= set("bcd")
        assert store.verify() == []


def test_every_refusal_is_an_error_of_ours(path: Path) -> None:
    (generation(path) / "index.faiss").write_bytes(b"")
    with pytest.raises(AuditError) as caught:
        look(path)
    assert caught.value.exit_code == 5
