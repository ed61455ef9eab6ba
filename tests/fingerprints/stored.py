"""Transcripts and stores for the tests of the store: small, made in code, different for each
name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fingerprints.catalog_file import CATALOG
from fingerprints.embed import Vectors
from fingerprints.records import Arm, Identity, Probe, ProbeSetRef, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Event, Header, Transcript

SYLLABLES = ["ka", "lo", "mi", "ter", "vun", "ash", "pel", "quo", "zi", "dra"]


def words(seed: int, n: int = 8) -> str:
    """A few made-up words that depend on the seed alone."""
    rng = np.random.default_rng(seed)
    return " ".join("".join(rng.choice(SYLLABLES, 3)) for _ in range(n))


def reply(number: int, text: str, status: Status = Status.OK, arm: Arm = Arm.OWN) -> Reply:
    """One reply to probe ``number``."""
    return Reply(
        probe_id=f"p{number:05d}",
        arm=arm,
        status=status,
        text=text,
        prompt=f"<user>é{number}",
        seconds=0.25,
    )


def transcript(
    name: str, n: int = 20, refs: tuple[ProbeSetRef, ...] = (), first: int = 0
) -> Transcript:
    """A model's answers to n questions; the last one is empty."""
    seed = sum(map(ord, name)) * 100_003
    probes = {
        f"p{i:05d}": Probe(id=f"p{i:05d}", text=f"Question {i}?") for i in range(first, first + n)
    }
    replies = [reply(i, f"{name}: {words(seed + i)}") for i in range(first, first + n - 1)]
    replies.append(reply(first + n - 1, "", Status.EMPTY))
    header = Header(
        spec=f"recording:{name}.jsonl",
        identity=Identity(kind="recording", name=name),
        probe_sets=refs,
    )
    return Transcript(
        header, probes, tuple(replies), (Event(kind="note", detail="made for a test"),)
    )


def filled(path: Path, names: tuple[str, ...] = ("a", "b", "c"), n: int = 20) -> Path:
    """A closed store with these models and an index on the disk."""
    with FingerprintStore.create(path) as store:
        for name in names:
            store.add(transcript(name, n), name, vendor="Maker")
        store.index.now()
    return path


def queries(store: FingerprintStore, names: tuple[str, ...] = ("a", "b", "c")) -> Vectors:
    """Vectors near stored answers."""
    return store.embedder.embed([transcript(name).replies[3].text[:-2] for name in names])


class Unlucky:
    """An embedder that gives zero and not-a-number rows to texts that ask for them."""

    id = "unlucky/1"
    dimension = 8

    def embed(self, texts: list[str]) -> Vectors:
        out = np.zeros((len(texts), 8), dtype=np.float32)
        out[:, 0] = 1.0
        for row, text in enumerate(texts):
            if text in ("nan", "zero", "inf"):
                out[row] = {"nan": np.nan, "zero": 0.0, "inf": np.inf}[text]
        return out


def clustered(n: int, d: int, seed: int) -> Vectors:
    """Unit vectors as answers give them: many tight clusters (a question each) within wide ones
    (a topic each)."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((20, d))
    questions = topics[rng.integers(0, 20, n // 50)] + 0.8 * rng.standard_normal((n // 50, d))
    rows = questions[rng.integers(0, len(questions), n)] + 0.6 * rng.standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made_or_opened(path: Path) -> FingerprintStore:
    """The store at a path, open for writing; a new one where there is none."""
    return (
        FingerprintStore.open(path) if (path / CATALOG).is_file() else FingerprintStore.create(path)
    )
