"""Recorded answers of invented models with planted habits, written for the tests: real texts, no
model."""

from __future__ import annotations

import json
import random
from pathlib import Path

from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Header, Transcript

NOUNS = (
    "bridge",
    "garden",
    "engine",
    "letter",
    "harbour",
    "clock",
    "village",
    "method",
    "river",
    "window",
    "market",
    "song",
)
MAKERS = {"alpha": "acme", "beta": "bolt", "gamma": "core", "delta": "dune"}
VERBS = ("explain", "describe", "compare", "outline", "summarise", "improve")
HABITS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "alpha": (
        ["Certainly!", "Of course!"],
        ["It is important to note that", "Moreover,"],
        ["I hope this helps!"],
    ),
    "beta": (
        ["Sure thing.", "Right."],
        ["Look,", "The short version:"],
        ["Shout if you need more."],
    ),
    "gamma": (
        ["## Overview", "## Summary"],
        ["- **Key point:**", "- **Detail:**"],
        ["*In conclusion*, weigh the options."],
    ),
    "delta": (
        ["Hmm, let me think.", "Wait."],
        ["Alternatively,", "So we have"],
        ["Therefore the answer stands."],
    ),
}


def questions(n: int = 60) -> list[str]:
    """The same questions for everybody."""
    return [
        f"Please {VERBS[i % len(VERBS)]} the {NOUNS[i % len(NOUNS)]} number {i}." for i in range(n)
    ]


def answers_of(habit: str, n: int = 60, seed: int = 0) -> list[tuple[str, str]]:
    """(question, answer) pairs in one model's habits; another seed is another run of the same
    model."""
    draw = random.Random(f"{habit}{seed}")
    opening, middle, closing = HABITS[habit]
    rows = []
    for question in questions(n):
        topic = question.split("the ")[1].rstrip(".")
        body = " ".join(
            f"{draw.choice(middle)} the {topic} {draw.choice(NOUNS)} {draw.choice(VERBS)}s."
            for _ in range(4)
        )
        rows.append((question, f"{draw.choice(opening)} {body} {draw.choice(closing)}"))
    return rows


def write_jsonl(path: Path, rows: list[tuple[str, str]], model: str = "suspect") -> Path:
    """A JSONL recording of (question, answer) pairs."""
    path.write_text(
        "".join(json.dumps({"model": model, "prompt": p, "answer": a}) + "\n" for p, a in rows)
    )
    return path


def recorded(folder: Path, habit: str, seed: int = 0) -> Transcript:
    """A transcript of one invented model."""
    rows = answers_of(habit, seed=seed)
    probes = {
        p.id: p for p in (Probe(id=f"recorded/{i:03d}", text=q) for i, (q, _) in enumerate(rows))
    }
    replies = tuple(
        Reply(probe_id=f"recorded/{i:03d}", arm=Arm.RECORDED, status=Status.OK, text=a)
        for i, (_, a) in enumerate(rows)
    )
    identity = Identity(kind="recording", name=habit, recording_sha256=f"{habit}{seed}")
    return Transcript(
        Header(spec=f"recording:{folder / habit}", identity=identity), probes, replies
    )


def stored(folder: Path, seed: int = 0) -> Path:
    """A store in ``folder / "teachers"`` of all invented models, each with a maker of its own."""
    with FingerprintStore.create(folder / "teachers") as opened:
        for name, vendor in MAKERS.items():
            opened.add(recorded(folder, name, seed), name=name, vendor=vendor, family=name)
    return folder / "teachers"
