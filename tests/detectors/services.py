"""Invented services: chains of words as models, their repeated answers as transcripts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Measurement, NotMeasured, Teacher
from fingerprints.records import Arm, Identity, Probe, Reply, Sampling, Status
from fingerprints.transcript import Header, Transcript

WORDS = (
    "the",
    "a",
    "of",
    "in",
    "and",
    "stone",
    "river",
    "old",
    "blue",
    "house",
    "ran",
    "sang",
    "lit",
    "far",
    "near",
    "gold",
)
LANGUAGES = ("en", "de")
Chain = NDArray[np.float64]


def chain(seed: int, like: Chain | None = None, share: float = 1.0) -> Chain:
    """Transition probabilities between words; ``share`` of them its own, the rest ``like``
    another's."""
    own = np.random.default_rng(seed).dirichlet(np.full(len(WORDS), 0.3), size=len(WORDS))
    return own if like is None else (1 - share) * like + share * own


def hotter(model: Chain, temperature: float) -> Chain:
    """The same chain sampled at another temperature."""
    flat = model ** (1 / temperature)
    return np.asarray(flat / flat.sum(axis=1, keepdims=True))


def words_of(rng: np.random.Generator, model: Chain, start: int, length: int = 5) -> str:
    """One answer."""
    cumulated, at, out = model.cumsum(axis=1), start, []
    for draw in rng.random(length):
        at = min(int(np.searchsorted(cumulated[at], draw)), len(WORDS) - 1)
        out.append(WORDS[at])
    return " ".join(out)


def probes(n: int) -> list[Probe]:
    """The same questions for everybody."""
    return [
        Probe(
            id=f"service/{i:03d}",
            text=f"Go on from {WORDS[i % len(WORDS)]}, {i}.",
            language=LANGUAGES[i % 2],
        )
        for i in range(n)
    ]


def service(
    name: str,
    models: Chain | list[Chain],
    seed: int,
    n: int = 24,
    samples: int = 4,
    tokens: list[int] | None = None,
) -> Transcript:
    """A service's answers; with several models question i is answered by ``models[i]``.
    ``tokens``: reported prompt lengths."""
    rng, asked = np.random.default_rng(seed), probes(n)
    replies = []
    for i, probe in enumerate(asked):
        model = models[i] if isinstance(models, list) else models
        for k in range(samples):
            text = words_of(rng, model, i % len(WORDS))
            count = None if tokens is None else tokens[i]
            replies.append(
                Reply(
                    probe_id=probe.id,
                    arm=Arm.OWN,
                    sample=k,
                    status=Status.TRUNCATED,
                    text=text,
                    tokens_in=count,
                )
            )
    header = Header(
        spec=name,
        identity=Identity(kind="endpoint", name=name),
        sampling=Sampling(temperature=1, samples=samples),
    )
    return Transcript(header, {p.id: p for p in asked}, tuple(replies))


def case(endpoint: Transcript, reference: Transcript) -> Case:
    """The endpoint against the model that it claims."""
    return Case(endpoint, Teacher("claimed", "", "", reference))


def against(
    endpoint: Chain | list[Chain], claimed: Chain, seed: int, n: int = 24, samples: int = 4
) -> Case:
    """A case of fresh answers: ``samples`` of the endpoint, twice as many of the claimed model."""
    return case(
        service("endpoint", endpoint, 2 * seed, n, samples),
        service("claimed", claimed, 2 * seed + 1, n, 2 * samples),
    )


def measured(found: Measurement | NotMeasured) -> Measurement:
    """The measurement, where there is one."""
    assert isinstance(found, Measurement), found
    return found


def p_of(found: Measurement | NotMeasured) -> float:
    """Its p-value among relabellings."""
    null = measured(found).null
    assert null is not None
    assert null.p is not None
    return null.p
