from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.embed import HashedNgrams
from fingerprints.errors import MalformedInput, StoreIntegrity, UsageProblem
from fingerprints.records import Arm, ProbeSetRef, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.fingerprints.stored import Unlucky, filled, queries, reply, transcript


def test_a_transcript_comes_out_exactly_as_it_went_in(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        for name in "abc":
            assert store.transcript(name) == transcript(name)


def test_a_long_transcript_crosses_its_blocks_unchanged(tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "s") as store:
        store.add(transcript("long", 1500), "long")
        assert store.transcript("long") == transcript("long", 1500)


texts = st.text(max_size=60)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(texts, st.sampled_from(list(Status)), st.sampled_from(list(Arm))), max_size=8
    )
)
def test_any_answers_survive_the_catalogue(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[str, Status, Arm]]
) -> None:
    base = transcript("x", max(1, len(given)))
    replies = tuple(reply(i, text, status, arm) for i, (text, status, arm) in enumerate(given))
    said = Transcript(base.header, base.probes, replies, base.events, complete=False)
    with FingerprintStore.create(tmp_path_factory.mktemp("any") / "s") as store:
        stored = store.add(said, "x")
        assert store.transcript("x") == said
        assert (
            stored.n_answers
            == stored.n_indexed + stored.n_unreadable + stored.n_rejected
            == len(replies)
        )
        assert store.verify() == []


def test_the_record_says_who_made_it_and_how_much_there_is(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        teacher = store.teacher("a")
    assert (teacher.name, teacher.vendor, teacher.source) == ("a", "Maker", "recording:a.jsonl")
    assert (teacher.n_answers, teacher.n_indexed, teacher.n_unreadable, teacher.n_rejected) == (
        20,
        19,
        1,
        0,
    )
    assert teacher.answers_sha256 == transcript("a").digest()
    assert teacher.embedder == HashedNgrams().id


def test_teachers_are_listed_in_order_of_name(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", ("c", "a", "b"))
    with FingerprintStore.open(path, read_only=True) as store:
        assert [t.name for t in store.teachers()] == ["a", "b", "c"]


def test_adding_the_same_answers_twice_changes_nothing(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        before = store.catalog.state()
        assert store.add(transcript("a"), "a") == store.teacher("a")
        assert store.catalog.state() == before


def test_other_answers_under_a_taken_name_need_replace(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        with pytest.raises(UsageProblem, match="--replace"):
            store.add(transcript("other"), "a")
        assert store.transcript("a") == transcript("a")
        store.add(transcript("other"), "a", replace=True)
        assert store.transcript("a") == transcript("other")
        assert len(store.teachers()) == 3


def test_a_corrected_vendor_needs_replace_and_an_omitted_one_does_not(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        with pytest.raises(UsageProblem, match="--replace"):
            store.add(transcript("a"), "a", vendor="Another")
        assert store.add(transcript("a"), "a").vendor == "Maker"
        assert store.add(transcript("a"), "a", vendor="Another", replace=True).vendor == "Another"


def test_a_removed_model_is_gone_and_its_ids_are_never_given_again(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        old = set(store.search(queries(store, ("b",)), 57)[1][0])
        store.remove("b")
        assert [t.name for t in store.teachers()] == ["a", "c"]
        with pytest.raises(UsageProblem, match="no model called 'b'"):
            store.transcript("b")
        store.add(transcript("b"), "b")
        new = {
            int(i)
            for i in store.search(queries(store, ("b",)), 57)[1][0]
            if store.answer(i).teacher == "b"
        }
        assert len(new) == 19
        assert not new & old


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[31m", "x" * 201, "two\nlines"])
def test_a_name_that_is_not_printable_is_refused(path: Path, name: str) -> None:
    with FingerprintStore.open(path) as store, pytest.raises(UsageProblem, match="printable"):
        store.add(transcript("a"), name)


def test_a_name_that_looks_like_a_path_is_only_a_name(path: Path, tmp_path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.add(transcript("evil"), "../../evil'; DROP TABLE teachers; --")
        assert len(store.teachers()) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_another_version_of_a_probe_set_is_refused_with_both_digests(tmp_path: Path) -> None:
    one = ProbeSetRef(name="identity", version="1", sha256="1" * 64, n=20)
    two = ProbeSetRef(name="identity", version="2", sha256="2" * 64, n=20)
    head = one.model_copy(update={"n": 5})
    with FingerprintStore.create(tmp_path / "s") as store:
        store.add(transcript("a", refs=(one,)), "a")
        store.add(transcript("head", refs=(head,)), "head")
        with pytest.raises(UsageProblem, match=f"{'1' * 64}.*{'2' * 64}"):
            store.add(transcript("b", refs=(two,)), "b")
        assert [t.name for t in store.teachers()] == ["a", "head"]


def test_another_embedder_than_the_stores_is_refused(path: Path) -> None:
    with pytest.raises(UsageProblem, match="unlucky/1"):
        FingerprintStore.open(path, embedder=Unlucky())


def test_a_store_of_an_unknown_embedder_is_read_but_not_added_to(tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "s", embedder=Unlucky()) as store:
        store.add(transcript("a"), "a")
    with FingerprintStore.open(tmp_path / "s") as store:
        assert store.transcript("a") == transcript("a")
        with pytest.raises(UsageProblem, match="no embedder here"):
            store.add(transcript("b"), "b")
    with FingerprintStore.open(tmp_path / "s", embedder=Unlucky()) as store:
        store.add(transcript("b"), "b")


def test_vectors_that_are_no_vectors_are_rejected_and_counted(tmp_path: Path) -> None:
    base = transcript("x", 4)
    said = Transcript(
        base.header,
        base.probes,
        tuple(reply(i, t) for i, t in enumerate(["nan", "zero", "inf", "ok"])),
    )
    with FingerprintStore.create(tmp_path / "s", embedder=Unlucky()) as store:
        assert (store.add(said, "x").n_rejected, store.teacher("x").n_indexed) == (3, 1)
        assert store.transcript("x") == said
        assert store.search(np.eye(8, dtype=np.float32)[:1], 5)[1].shape == (1, 1)


def test_shared_prompts_count_distinct_prompts_that_both_answered_readably(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        store.add(transcript("late", 5, first=100), "late")
        suspect = transcript("suspect", 11)
        twice = reply(0, "again").model_copy(update={"sample": 1})
        suspect = Transcript(suspect.header, suspect.probes, (*suspect.replies, twice))
        assert store.shared_prompts(suspect) == {"a": 10, "b": 10, "c": 10, "late": 0}
        assert store.shared_prompts(transcript("s", 30)) == {"a": 19, "b": 19, "c": 19, "late": 0}


def test_an_id_leads_back_to_the_answer(path: Path) -> None:
    with FingerprintStore.open(path) as store:
        _, ids = store.search(queries(store), 1)
        found = [store.answer(i) for i in ids[:, 0]]
        assert [(f.teacher, f.probe_id, f.arm, f.sample) for f in found] == [
            (t, "p00003", "own", 0) for t in "abc"
        ]
        with pytest.raises(UsageProblem, match="no answer with the id"):
            store.answer(10**9)


def test_the_digest_is_of_the_content_and_not_of_its_history(tmp_path: Path) -> None:
    one, two = filled(tmp_path / "one", ("a", "b")), filled(tmp_path / "two", ("b", "c", "a"))
    with FingerprintStore.open(one) as first, FingerprintStore.open(two) as second:
        assert first.digest() != second.digest()
        second.remove("c")
        assert first.digest() == second.digest()


def test_an_empty_store_answers_with_nothing(tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "s") as store:
        scores, ids = store.search(HashedNgrams().embed(["hello", "world"]), 5)
        assert scores.shape == ids.shape == (2, 0)
        assert (store.teachers(), store.verify(), store.shared_prompts(transcript("a"))) == (
            [],
            [],
            {},
        )


def test_a_read_only_store_refuses_to_change(path: Path) -> None:
    with FingerprintStore.open(path, read_only=True) as store:
        with pytest.raises(UsageProblem, match="read-only"):
            store.add(transcript("d"), "d")
        with pytest.raises(UsageProblem, match="read-only"):
            store.rebuild()


def test_create_refuses_a_folder_with_anything_in_it(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="a store stands here"):
        FingerprintStore.create(path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    with pytest.raises(UsageProblem, match="not empty"):
        FingerprintStore.create(tmp_path / "full")
    assert (tmp_path / "full" / "diary.txt").read_text() == "mine"


def test_what_is_not_a_store_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="no store here"):
        FingerprintStore.open(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(MalformedInput, match="not a store"):
        FingerprintStore.open(tmp_path)


def test_a_store_without_its_catalogue_is_refused(path: Path) -> None:
    for file in path.glob("catalog.sqlite*"):
        file.unlink()
    with pytest.raises(StoreIntegrity, match="catalogue is gone"):
        FingerprintStore.open(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    for content in (b"", b"hello", b"SQLite format 3\0" + bytes(84)):
        (path / "catalog.sqlite").write_bytes(content)
        with pytest.raises(StoreIntegrity):
            FingerprintStore.open(path, read_only=True)


def test_a_newer_schema_is_refused_by_its_number(path: Path) -> None:
    db = sqlite3.connect(path / "catalog.sqlite")
    db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    db.commit()
    db.close()
    with pytest.raises(StoreIntegrity, match="schema 99"):
        FingerprintStore.open(path)


def test_a_catalogue_with_foreign_triggers_is_refused(path: Path) -> None:
    db = sqlite3.connect(path / "catalog.sqlite")
    db.execute("CREATE TRIGGER t AFTER INSERT ON teachers BEGIN DELETE FROM answers; END")
    db.commit()
    db.close()
    with pytest.raises(StoreIntegrity, match="tables are not those"):
        FingerprintStore.open(path)
