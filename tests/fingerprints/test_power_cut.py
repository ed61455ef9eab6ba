"""The power goes at any moment of storing and indexing: whatever the disk forgot that nobody had
synced, what was acknowledged is there and whole."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fingerprints.durable import replacing
from fingerprints.journal import TranscriptWriter
from fingerprints.store import FingerprintStore
from fingerprints.transcript import load_transcript
from tests.fingerprints.stored import filled, queries, transcript
from tests.power_cut import LOST, MIXED, NAMED, ForgetfulDisk, watched

HOWS = (LOST, NAMED, MIXED, MIXED)


def is_sqlite(name: str) -> bool:
    return "catalog.sqlite" in name or name == ".lock"


class Cuts:
    """Every folder that a cut may leave, with what was acknowledged when it came."""

    def __init__(self, disk: ForgetfulDisk, to: Path, seed: int) -> None:
        self.disk, self.to, self.chance = disk, to, random.Random(seed)
        self.acknowledged: list[str] = []
        self.found: list[tuple[Path, str, tuple[str, ...]]] = []
        self._busy = False

    def __call__(self) -> None:
        if self._busy:
            return
        self._busy = True
        for how in HOWS:
            place = self.to / f"{len(self.found):04d}"
            self.disk.after(how, self.chance, place)
            self.found.append((place, how, tuple(self.acknowledged)))
        self._busy = False


def wrong(path: Path, acknowledged: tuple[str, ...]) -> list[str]:
    """What is the matter with a store after a cut; nothing where all is well."""
    with FingerprintStore.open(path) as store:
        names = {t.name for t in store.teachers()}
        lost = [f"{name} is lost" for name in acknowledged if name not in names]
        changed = [f"{n} changed" for n in names if store.transcript(n) != transcript(n)]
        alike, _ = store.search(queries(store), 1)
        unlike = [] if float(alike.min()) > 0.9 else ["stored answers are not found"]
        return [*lost, *changed, *unlike, *map(str, store.verify())]


@pytest.fixture
def cuts(tmp_path: Path) -> Iterator[Cuts]:
    disk = ForgetfulDisk(filled(tmp_path / "store"), is_sqlite)
    yield Cuts(disk, tmp_path / "after", seed=3)
    disk.close()


def test_no_power_cut_loses_an_acknowledged_model_or_leaves_half_an_index(
    cuts: Cuts, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts.acknowledged = ["a", "b", "c"]
    with watched(cuts.disk, monkeypatch, cuts), FingerprintStore.open(cuts.disk.root) as store:
        for name in ("d", "e"):
            store.add(transcript(name), name)
            cuts.acknowledged.append(name)
            store.index.now()
    assert len(cuts.found) > 60
    assert {how for _, how, _ in cuts.found} == set(HOWS)
    problems = [(p.name, how, wrong(p, known)) for p, how, known in cuts.found]
    assert [p for p in problems if p[2]] == []


def test_a_transcript_that_was_ended_is_whole_after_any_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asked").mkdir()
    disk = ForgetfulDisk(tmp_path / "asked")
    cuts, said, path = Cuts(disk, tmp_path / "after", seed=5), transcript("a"), "answers.jsonl"
    with watched(disk, monkeypatch, cuts):
        with TranscriptWriter(disk.root / path, said.header, list(said.probes.values())) as writer:
            for reply in said.replies:
                writer.add(reply)
            writer.finish()
        cuts.acknowledged.append(path)
        cuts()
    disk.close()
    ended = [place for place, _, known in cuts.found if known]
    assert ended
    for place in ended:
        held = load_transcript(place / path)
        assert (held.complete, held.replies) == (True, said.replies)


def careless(path: Path, data: bytes) -> None:
    temporary = path.with_name("tmp-x")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def careful(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)


@pytest.mark.parametrize(("write", "survives"), [(careless, False), (careful, True)])
def test_a_file_put_in_place_without_a_sync_does_not_survive_on_this_disk(
    write: Callable[[Path, bytes], None],
    survives: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The disk of these tests does forget."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"old")
    disk = ForgetfulDisk(tmp_path / "d")
    cuts = Cuts(disk, tmp_path / "after", seed=1)
    with watched(disk, monkeypatch, cuts):
        write(disk.root / "f", b"new")
        cuts.acknowledged.append("f")
        cuts()
    disk.close()
    whole = {(p / "f").read_bytes() for p, _, known in cuts.found if not known}
    after = {(p / "f").read_bytes() for p, _, known in cuts.found if known}
    assert (after == {b"new"} and whole <= {b"old", b"new"}) == survives
