"""One invented case that holds whatever any detector needs: five stored models, a base, shadows, and
a suspect that was asked every kind of question."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from detectors.base import Case, Detector, Shadow, Teacher
from fingerprints.probes import load_probe_set
from fingerprints.records import Arm, Identity, Probe, Reply, Status, sha256
from fingerprints.scores import BASE, SUSPECT, Score, Scores, Wanted, teacher
from fingerprints.transcript import Header, Transcript
from tests.detectors.authors import Author, transcript
from tests.detectors.services import chain, service
from tests.detectors.strangers import chooser, errors_of, said

MAKERS = ("OpenAI", "Alibaba", "Google", "Mistral", "Anthropic")
TOPICS, WORLD = 40, errors_of(3, 8)


def merged(name: str, parts: Iterable[Transcript]) -> Transcript:
    """Everything that was asked in the parts, as one transcript."""
    parts = list(parts)
    probes = {i: p for part in parts for i, p in part.probes.items()}
    replies = tuple(sorted((r for part in parts for r in part.replies), key=lambda r: r.key))
    header = Header(spec=name, identity=Identity(kind="checkpoint", name=name))
    return Transcript(header, probes, replies)


def identity(name: str, maker: str) -> Transcript:
    """Its own maker's name in answer to every second identity question, in three arms."""
    probes = load_probe_set("identity").probes[:24]
    replies = [
        Reply(
            probe_id=p.id,
            arm=arm,
            status=Status.OK,
            text=f"I was made by {maker}." if i % 2 else "I am an assistant.",
        )
        for i, p in enumerate(probes)
        for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)
    ]
    header = Header(spec=name, identity=Identity(kind="checkpoint", name=name))
    return Transcript(header, {p.id: p for p in probes}, tuple(replies))


def questions(kind: str, seed: int, n: int = 24) -> Transcript:
    """The same questions for either set, so that no word tells the two apart."""
    texts = [Author(seed).write(500 + i, len(kind)) for i in range(n)]
    probes = [
        Probe(id=f"{kind}/{i:03d}", text=f"What of the {i} houses of {kind[0]}?") for i in range(n)
    ]
    return said([p.model_copy(update={"text": "What of it?"}) for p in probes], texts, kind)


def openings(seed: int) -> Transcript:
    """A first word after each of ninety openings, mostly the model's own."""
    probes = list(load_probe_set("openings").probes[:90])
    draw = random.Random(seed)
    return said(probes, [draw.choice(("bridge", "garden", "house")) for _ in probes], "x")


def policy(seed: int) -> Transcript:
    """Answers to sensitive questions and their twins, some of them declined."""
    probes = list(load_probe_set("policy").probes[:48])
    draw = random.Random(seed)
    no, yes = "I'm sorry, but I can't help with that.", "It happened in the spring of that year"
    texts = [no if draw.random() < 0.3 else f"{yes}, {i}." for i in range(len(probes))]
    return said(probes, texts, "x")


@lru_cache(maxsize=32)
def model(seed: int, like: int, share: float = 0.5) -> Transcript:
    """What a model of a seed said to everything, its style partly another's."""
    draw = random.Random(f"{seed}/{like}")
    pens = [like if draw.random() < share else seed for _ in range(TOPICS)]
    style = transcript([Author(pen).write(i, seed) for i, pen in enumerate(pens)])
    answered = service(f"m{seed}", chain(seed), seed, 16, 4, [7 + i % 5 for i in range(16)])
    parts = [
        style,
        chooser(WORLD[seed % 8]),
        identity(f"m{seed}", MAKERS[like % 5]),
        openings(seed),
        policy(seed),
        answered,
        questions("named", seed),
        questions("unseen", seed),
    ]
    return merged(f"m{seed}", parts)


TEACHERS = tuple(Teacher(f"m{i}", MAKERS[i], f"f{i}", model(i, i)) for i in range(5))
SUSPECT_SAID = model(6, 0)
BASE_MODEL = Teacher("base", "", "", model(7, 7))


@lru_cache(maxsize=1)
def shadows() -> tuple[Shadow, ...]:
    """Two students of each of three teachers, and two controls."""
    taught = [
        Shadow(f"s{t}-{s}", model(20 + s, t, 0.6), (f"m{t}",), "", s)
        for t in range(3)
        for s in (1, 2)
    ]
    return (*taught, *(Shadow(f"c-{s}", model(20 + s, 7), (), "own samples", s) for s in (1, 2)))


def scores(wanted: Sequence[Wanted]) -> Scores:
    """Invented likelihoods of everything that is wanted, the same for the same passage."""
    who = (SUSPECT, BASE, *(teacher(t.name) for t in TEACHERS))
    rows = {}
    for want in wanted:
        digest = want.passage.digest()
        draw = np.random.default_rng(int(sha256(f"{want.scorer}/{digest}")[:8], 16))
        bits = tuple(float(b) for b in draw.gamma(2.0, 1.0, 12 if want.passage.by_token else 0))
        rows[want.scorer, digest] = Score(
            scorer=want.scorer,
            passage_sha256=digest,
            bits=float(draw.gamma(20.0, 2.0)),
            tokens=12,
            bytes=len(want.passage.text.encode()) or 1,
            token_bits=bits,
        )
    return Scores({w: Identity(kind="checkpoint", name=w) for w in who}, rows)


def case_for(detector: Detector, place: int = 0) -> Case:
    """The case of one stored model (of nobody, for a detector of the suspect alone)."""
    wanted = detector.next_texts(SUSPECT_SAID, TEACHERS, BASE_MODEL, [t.name for t in TEACHERS])
    alone = detector.scope == "suspect"
    return Case(
        SUSPECT_SAID,
        None if alone else TEACHERS[place],
        TEACHERS if alone else tuple(t for i, t in enumerate(TEACHERS) if i != place),
        BASE_MODEL,
        shadows(),
        scores(wanted),
    )
