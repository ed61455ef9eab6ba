"""Synthetic authors: each writes about random topics with its own planted phrases, endings and
format habits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from detectors.base import Teacher
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

TOPICS = [
    f"{a}{b}"
    for a in ("bro", "cla", "dri", "fle", "gro", "ple", "sti", "tra")
    for b in ("mon", "nel", "pet", "rus", "vik", "zor")
]
LINKS = [
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "it",
    "with",
    "for",
    "as",
    "on",
    "by",
    "this",
    "from",
    "are",
    "be",
    "or",
    "which",
    "can",
    "also",
    "more",
    "their",
    "has",
]
OPENERS = [
    "Certainly!",
    "Sure, here goes.",
    "In short:",
    "Here is my view.",
    "Great question!",
    "Well then,",
    "To begin,",
    "Let me see.",
]
CLOSERS = [
    "I hope this helps!",
    "Let me know more.",
    "That is all.",
    "Overall, it depends.",
    "Good luck!",
    "In conclusion, yes.",
]
PHRASES = [
    "worth noting that",
    "a rich tapestry",
    "at the end",
    "plays a key role",
    "on the whole",
    "as a rule",
    "by and large",
    "in my book",
]


@dataclass(frozen=True)
class Author:
    """Habits with which an author writes; equal seeds give equal habits."""

    seed: int

    def write(self, topic: int, salt: int = 0) -> str:
        """One answer about a numbered topic; the same author, topic and salt give the same text."""
        habits = random.Random(self.seed)
        opener, closer, phrase = (
            habits.choice(OPENERS),
            habits.choice(CLOSERS),
            habits.sample(PHRASES, 2),
        )
        links, bullet, bold = (
            habits.sample(LINKS, 12),
            habits.choice(["- ", "* ", "1. ", ""]),
            habits.random(),
        )
        length, manner = habits.randint(4, 9), habits.random()
        dice = random.Random(f"{self.seed}/{topic}/{salt}")
        words = random.Random(topic).sample(TOPICS, 5)
        lines = []
        for _ in range(length):
            body = " ".join(
                dice.choice(links if dice.random() < 0.7 else words)
                for _ in range(dice.randint(6, 12))
            )
            aside = f" {dice.choice(phrase)}" if dice.random() < 0.4 else ""
            mark = f"**{words[0]}** " if dice.random() < bold / 2 else ""
            lines.append(f"{bullet}{mark}{body}{aside}.")
        first = f"{opener} " if dice.random() < 0.3 + 0.6 * manner else ""
        last = f" {closer}" if dice.random() < 0.9 - 0.6 * manner else ""
        return first + ("\n" if bullet else " ").join(lines) + last


def transcript(texts: Sequence[str], name: str = "x", prefix: str = "style/") -> Transcript:
    """A transcript whose n-th probe was answered with the n-th text."""
    probes = {
        f"{prefix}{i:03d}": Probe(id=f"{prefix}{i:03d}", text=f"Tell me about topic {i}.")
        for i in range(len(texts))
    }
    replies = [
        Reply(
            probe_id=id_, arm=Arm.OWN, status=Status.OK if text.strip() else Status.EMPTY, text=text
        )
        for id_, text in zip(probes, texts, strict=True)
    ]
    return Transcript(
        Header(spec=name, identity=Identity(kind="recording", name=name)), probes, tuple(replies)
    )


def speaker(seed: int, n: int, salt: int = 0) -> Transcript:
    """What the author with that seed said on the first n topics."""
    return transcript([Author(seed).write(i, salt) for i in range(n)], f"author-{seed}")


def stored(seed: int, n: int, vendor: str = "") -> Teacher:
    """A stored model that writes like the author with that seed; a vendor of its own unless one
    is named."""
    return Teacher(f"author-{seed}", vendor or f"vendor-{seed}", "synthetic", speaker(seed, n))
