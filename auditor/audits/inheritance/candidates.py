"""Which stored models does an audit look at, and with whom may each be compared?

A store of up to 64 models is looked at in full. Of a larger one: a sample that knows nothing of the
suspect, whose members say what is usual; the models nearest to the suspect by the index; and those
that were named or share its weights. Why p-values stay valid is told in docs/large-stores.md. Every
stored model is decoded once at most. Knows the store; judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.inheritance.base_model import is_below
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import Shelf
from auditor.evidence.records import StoreChoice
from detectors.base import Teacher
from detectors.pairing import DEFAULT_ARMS, style_answers
from detectors.stats.openset import FEWEST_STRANGERS
from fingerprints.catalog_rows import StoredTeacher
from fingerprints.profiles import Profiles, profiles
from fingerprints.transcript import Transcript

NEAREST = 24
"""With the sample as many as the largest store that is looked at in full: it costs the same."""
RECALL, RECALL_INTERVAL, RECALL_N = 0.860, (0.802, 0.906), 500
"""How often the model that a full audit puts first was among the nearest alone, mean over vendors
with a 95 % interval, on how many suspects. Source: docs/benchmarks.md, "An audit against a large
store"."""


@dataclass(frozen=True)
class Looked:
    """The stored models that an audit looks at, in order of name, and how they were chosen."""

    records: tuple[StoredTeacher, ...]
    teachers: tuple[Teacher, ...]
    choice: StoreChoice | None = None

    def others(self, suspect: Transcript) -> list[Teacher]:
        """Those that are not the suspect itself, by their weights."""
        return [
            t for t in self.teachers if not suspect.identity.same_weights(t.transcript.identity)
        ]

    @property
    def guests(self) -> frozenset[str]:
        """Those that are looked at for their likeness, or because they were named."""
        return frozenset(t.name for t in self.teachers if t.guest)


def looked_at(shelf: Shelf, plan: Plan, suspect: Transcript) -> Looked:
    """Whom an audit of this suspect looks at. Raises UsageProblem for a candidate that is not
    stored, StoreIntegrity for a damaged index."""
    named = named_models(shelf, plan)
    sampled = shelf.sampled()
    if len(sampled) == len(shelf.records):
        return _looked(shelf, named, sampled, frozenset(), None)
    kin = {r.name for r in shelf.records.values() if _shares_weights(suspect, r)}
    apart = (set(named) | kin | set(plan.teachers)) & set(shelf.records) - set(sampled)
    nearest = _nearest(shelf, suspect, {*sampled, *apart})
    names = sorted({*sampled, *apart, *nearest})
    choice = StoreChoice(
        looked_at=len(names),
        sampled=len(sampled),
        nearest=tuple(nearest),
        named=tuple(sorted(apart)),
        recall=RECALL,
        recall_interval=RECALL_INTERVAL,
        recall_n=RECALL_N,
    )
    return _looked(shelf, named, names, frozenset({*apart, *nearest}), choice)


def named_models(shelf: Shelf, plan: Plan) -> list[str]:
    """The models that the plan names, each with all that a verdict on it is about: its maker's.

    Where only lineage is asked about a model stands for itself: weights are one model's.
    """
    chosen = {r.name for r in shelf.named(plan.candidates)} if plan.candidates else set()
    if plan.asks_inheritance:
        chosen = {m for name in chosen for m in shelf.group_of(name).members}
    return [name for name in shelf.records if name in chosen]


def _looked(
    shelf: Shelf,
    named: Sequence[str],
    names: Sequence[str],
    guests: frozenset[str],
    choice: StoreChoice | None,
) -> Looked:
    records = shelf.named(named or names)
    teachers = (shelf.teacher(name) for name in names)
    return Looked(
        tuple(records),
        tuple(replace(t, guest=True) if t.name in guests else t for t in teachers),
        choice,
    )


def _shares_weights(suspect: Transcript, record: StoredTeacher) -> bool:
    identity = suspect.identity
    return identity.same_weights(record.identity) or is_below(identity, record.identity)


def _nearest(shelf: Shelf, suspect: Transcript, besides: set[str]) -> list[str]:
    """The models nearest to the suspect by their vectors, nearest first, ``besides`` those that
    are looked at anyway."""
    said = {digest: answer.text for digest, answer in style_answers(suspect).items()}
    found = profiles(shelf.store, said, DEFAULT_ARMS)
    by_number = {number: name for name, number in shelf.numbers.items()}
    names = [by_number[int(number)] for number in found.numbers]
    scores = likeness(found, [shelf.records[n] for n in names], set(shelf.sampled()))
    order = sorted(range(len(names)), key=lambda i: (-scores[i], names[i]))
    return [names[i] for i in order if names[i] not in besides][:NEAREST]


def likeness(found: Profiles, records: Sequence[StoredTeacher], sampled: set[str]) -> list[float]:
    """Each model's cosine with the suspect on the scale of what the sample's models of other
    vendors get from it.

    Without that scale the same few models, those of average habits, are near to every suspect.
    """
    makers = np.array([r.vendor.casefold() or r.name for r in records], dtype=np.str_)
    cohort = np.array([r.name in sampled for r in records], dtype=bool)
    with_cohort = found.vectors @ found.vectors[cohort].T
    strangers = makers[:, None] != makers[cohort][None, :]
    n = strangers.sum(axis=1)
    theirs = np.where(strangers, with_cohort, 0.0)
    mean = theirs.sum(axis=1) / np.maximum(n, 1)
    squares = np.where(strangers, (with_cohort - mean[:, None]) ** 2, 0.0).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(n - 1, 1))
    scaled = (found.vectors @ found.suspect - mean) / np.maximum(spread, 1e-6)
    told: list[float] = np.where(n >= FEWEST_STRANGERS, scaled, -np.inf).tolist()
    return told
