"""Stores of invented models of any size: made-up words, every vendor and model with habits of its
own.

From fixed seeds; no text of any real model. Knows records and stores; judges nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Header, Transcript

PROMPTS = 96
WORDS_AN_ANSWER = 130
_ONSETS, _VOWELS, _CODAS = "bdfgklmnprstv", "aeiou", ("", "n", "r", "s", "l")


def vocabulary(size: int = 2500) -> list[str]:
    """Made-up words of two or three syllables, all different."""
    rng, out = np.random.default_rng(0), dict[str, None]()
    while len(out) < size:
        n = int(rng.integers(2, 4))
        out["".join(_syllable(rng) for _ in range(n))] = None
    return list(out)


def _syllable(rng: np.random.Generator) -> str:
    return str(rng.choice(list(_ONSETS)) + rng.choice(list(_VOWELS)) + rng.choice(_CODAS))


class Inventor:
    """Writes answers: a word's chance is common, tilted by prompt, by vendor and by model."""

    def __init__(self, prompts: int = PROMPTS, words: int = WORDS_AN_ANSWER) -> None:
        self.words, self.length = vocabulary(), words
        rank = np.arange(1, len(self.words) + 1)
        self.common = -np.log(rank + 5.0)
        tilts = np.random.default_rng(1).standard_normal((prompts, len(rank)))
        self.topics = 1.5 * tilts
        self.probes = [
            Probe(id=f"style/{i:03d}", text=f"Tell of {self._title(i)}.") for i in range(prompts)
        ]

    def _title(self, prompt: int) -> str:
        best = np.argsort(-(self.topics[prompt] + 0.3 * self.common))[:4]
        return " ".join(self.words[i] for i in best)

    def habits(self, vendor: int, model: int) -> np.ndarray:
        """A model's tilt of every word: its vendor's, and its own."""
        theirs = np.random.default_rng([2, vendor]).standard_normal(len(self.words))
        own = np.random.default_rng([3, model]).standard_normal(len(self.words))
        return np.asarray(0.5 * theirs + 0.3 * own)

    def transcript(self, name: str, habits: np.ndarray, seed: int) -> Transcript:
        """One run of a model with these habits."""
        rng = np.random.default_rng([4, seed])
        replies = tuple(
            Reply(
                probe_id=probe.id,
                arm=Arm.RECORDED,
                status=Status.OK,
                text=self._answer(rng, self.common + topic + habits),
            )
            for probe, topic in zip(self.probes, self.topics, strict=True)
        )
        held = {p.id: p for p in self.probes}
        return Transcript(
            Header(spec=name, identity=Identity(kind="recording", name=name)), held, replies
        )

    def _answer(self, rng: np.random.Generator, logits: np.ndarray) -> str:
        chance = np.exp(logits - logits.max())
        drawn = rng.choice(len(chance), size=self.length, p=chance / chance.sum())
        lines = [self.words[i] for i in drawn]
        for start in range(0, len(lines), 13):
            stop = min(start + 12, len(lines) - 1)
            lines[start], lines[stop] = lines[start].capitalize(), f"{lines[stop]}."
        return " ".join(lines)


def build(path: Path, models: int, vendors: int = 12, prompts: int = PROMPTS) -> None:
    """A store of so many invented models, its index built."""
    inventor = Inventor(prompts)
    with FingerprintStore.create(path) as store:
        for number in range(models):
            vendor = number % vendors
            said = inventor.transcript(f"m{number}", inventor.habits(vendor, number), number)
            store.add(said, f"model-{number:04d}", vendor=f"Maker {vendor}")
        store.rebuild()


def suspect(taught_by: int, vendors: int = 12, prompts: int = PROMPTS) -> Transcript:
    """A student: half of a stored model's habits, half of its own."""
    inventor = Inventor(prompts)
    teacher = inventor.habits(taught_by % vendors, taught_by)
    habits = 0.6 * teacher + 0.4 * inventor.habits(991, 990_000)
    return inventor.transcript("suspect", habits, 990_000)
