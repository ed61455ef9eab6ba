"""Synthetic stored models for detectors of copying: unrelated choosers of options, unrelated
writers, and their students."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Teacher
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

ITEMS, OPTIONS = 120, ("alpha", "beta", "gamma", "delta")


def said(probes: list[Probe], texts: list[str], name: str) -> Transcript:
    """A transcript of answers, one to each probe."""
    replies = [
        Reply(probe_id=p.id, arm=Arm.OWN, status=Status.OK, text=t)
        for p, t in zip(probes, texts, strict=True)
    ]
    return Transcript(
        Header(spec=name, identity=Identity(kind="recording", name=name)),
        {p.id: p for p in probes},
        tuple(replies),
    )


def chooser(letters: str, name: str = "x") -> Transcript:
    """A model that answered the n-th choice with the n-th letter; alpha (A) is right for even
    ones, beta (B) for odd ones."""
    probes = [
        Probe(
            id=f"choices/{i:03d}",
            text=f"Which is number {i}?",
            form="choice",
            options=OPTIONS,
            answer=OPTIONS[i % 2],
        )
        for i in range(len(letters))
    ]
    return said(probes, list(letters), name)


def errors_of(world: int, n: int, bias: float = 0.5) -> list[str]:
    """Letters of ``n`` unrelated models in one world: each item tempts all alike, each model
    likes letters of its own."""
    rng = np.random.default_rng(world)
    pull = rng.normal(0, 1.0, (ITEMS, 4))
    out = []
    for _ in range(n):
        liking: NDArray[np.float64] = rng.normal(0, bias, 4)
        logits = pull + liking + rng.gumbel(size=pull.shape)
        logits[np.arange(ITEMS), np.arange(ITEMS) % 2] += 0.5
        out.append("".join("ABCD"[k] for k in logits.argmax(axis=1)))
    return out


WORDS = [
    a + b
    for a in ("bra", "clo", "dri", "fen", "gul", "hor", "jat", "kem")
    for b in ("ba", "do", "fi", "lu", "ne", "po", "ry")
]


def prose(seed: str, words: int = 60) -> str:
    """Words at random, the same for the same seed."""
    dice = random.Random(seed)
    return " ".join(dice.choice(WORDS) for _ in range(words))


def writer(name: str, n: int = 30, copy_of: str = "", copied: int = 0) -> Transcript:
    """A model that writes prose of its own, and 20 words of another's prose in its first
    ``copied`` answers."""
    probes = [Probe(id=f"style/{i:03d}", text=f"Tell me about subject {i}.") for i in range(n)]
    texts = []
    for i in range(n):
        theirs = " ".join(prose(f"{copy_of}/{i}").split()[20:40]) if i < copied else ""
        texts.append(f"{prose(f'{name}/{i}')} {theirs}".strip())
    return said(probes, texts, name)


def teacher(transcript: Transcript, name: str, vendor: str = "") -> Teacher:
    """A stored model, of a vendor of its own unless one is named."""
    return Teacher(name, vendor or f"vendor of {name}", "synthetic", transcript)


def case_of(suspect: Transcript, teachers: list[Teacher], candidate: int = 0) -> Case:
    """The case of one of the stored models, the others its background."""
    return Case(
        suspect, teachers[candidate], tuple(t for i, t in enumerate(teachers) if i != candidate)
    )
