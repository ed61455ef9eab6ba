"""Runs of `auditor service` drawn from pools of answers: a service as it is, replaced, replaced
half-way, or by turns.

Knows transcripts and chance; knows no model and no test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.base import Case, Teacher
from detectors.service.repeated import Asked, asked_of_both
from fingerprints.records import Reply
from fingerprints.transcript import Transcript

SAMPLES, REFERENCES = 4, 8


@dataclass(frozen=True)
class Draw:
    """One run: its number, and of how many where every run takes answers that no other takes (0:
    any, without replacement)."""

    run: int
    fresh: int = 0

    def pick(
        self, answers: Sequence[Reply], side: int, most: int, question: int
    ) -> tuple[Reply, ...]:
        """``most`` answers of a pool in this run's order; of its own part of the pool where runs
        are fresh."""
        rng = np.random.default_rng([question, side, 0 if self.fresh else self.run])
        shuffled = [answers[i] for i in rng.permutation(len(answers))]
        first = most * self.run if self.fresh else 0
        return tuple(shuffled[first : first + most])


def drawn(endpoint: Transcript, reference: Transcript, draw: Draw, own: bool) -> list[Asked]:
    """Four answers of the endpoint and eight of the reference to each prompt; of one pool, where
    it is its own reference."""
    out = []
    for place, one in enumerate(asked_of_both(endpoint, reference)):
        kept = REFERENCES * (draw.fresh or 1)
        theirs = draw.pick(
            one.reference[:kept] if draw.fresh else one.reference, 0, REFERENCES, place
        )
        left = (
            one.reference[kept:]
            if draw.fresh
            else tuple(r for r in one.reference if r not in theirs)
        )
        ours = draw.pick(left if own else one.endpoint, 1, SAMPLES, place)
        if len(ours) == SAMPLES and len(theirs) == REFERENCES:
            out.append(Asked(one.probe, ours, theirs))
    return out


def half_way(honest: Sequence[Asked], replaced: Sequence[Asked]) -> list[Asked]:
    """A service that is replaced after half of the questions, in the order of asking."""
    by = {a.probe.id: a for a in replaced}
    kept = [a for a in honest if a.probe.id in by]
    return [
        a if i < len(kept) // 2 else Asked(a.probe, by[a.probe.id].endpoint, a.reference)
        for i, a in enumerate(kept)
    ]


def by_turns(honest: Sequence[Asked], replaced: Sequence[Asked], seed: int) -> list[Asked]:
    """A load balancer before two models: each answer comes from either with equal chance."""
    rng, by = np.random.default_rng([seed, 7]), {a.probe.id: a for a in replaced}
    out = []
    for one in honest:
        if one.probe.id in by:
            pairs = zip(
                one.endpoint,
                by[one.probe.id].endpoint,
                rng.random(len(one.endpoint)) < 0.5,
                strict=True,
            )
            out.append(
                Asked(one.probe, tuple(b if other else a for a, b, other in pairs), one.reference)
            )
    return out


def case_of(asked: Sequence[Asked], like: Transcript) -> Case:
    """The run as a case for detectors of the service."""
    probes = {a.probe.id: a.probe for a in asked}
    sides = [
        Transcript(
            like.header,
            probes,
            tuple(r.model_copy(update={"sample": i}) for one in side for i, r in enumerate(one)),
        )
        for side in ([a.endpoint for a in asked], [a.reference for a in asked])
    ]
    return Case(sides[0], Teacher("claimed", "", "", sides[1]))
