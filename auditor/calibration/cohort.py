"""A cohort of controls as suspects of known history, and what they have in common.

Knows lineages and transcripts; measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from auditor.calibration.record import Population, Range
from auditor.calibration.rows import KnownModel
from auditor.controls.cohort import Cohort, Member
from detectors.base import Teacher
from detectors.pairing import style_answers
from fingerprints.errors import MalformedInput, printable
from fingerprints.transcript import Transcript

UNTRAINED = "none"


def known_models(cohort: Cohort, teachers: Sequence[Teacher]) -> tuple[KnownModel, ...]:
    """Every member with a transcript as a suspect of known history.

    A member that is the base itself (method ``none``) also serves as the base of the others that
    started from it. Members whose teachers are not stored still count as controls against the
    others. Raises MalformedInput where no member has a transcript, or none learned from a stored
    model or its maker.
    """
    asked = [m for m in cohort if m.transcript_path is not None]
    if not asked:
        raise MalformedInput(
            "no member of the cohort has a transcript",
            next_step="ask them with `auditor probe … --out transcript.jsonl`",
        )
    said = {m.name: m.transcript() for m in asked}
    bases = {
        m.base: Teacher(m.name, "", "", said[m.name])
        for m in asked
        if m.lineage.method == UNTRAINED and m.base
    }
    known = tuple(_known(m, said[m.name], bases) for m in asked)
    names, vendors = {t.name for t in teachers}, {t.vendor.casefold() for t in teachers if t.vendor}
    if not any(k.teachers & names or {v.casefold() for v in k.vendors} & vendors for k in known):
        taught = sorted({t for k in known for t in k.teachers})
        raise MalformedInput(
            "no member learned from a stored model: the lineages name"
            f" {printable(', '.join(taught) or 'nobody', 120)}",
            next_step="give the store that holds those teachers, by the same names or vendors",
        )
    return known


def _known(member: Member, transcript: Transcript, bases: dict[str, Teacher]) -> KnownModel:
    lineage = member.lineage
    taught = "+".join(sorted(member.teachers))
    own = lineage.method == UNTRAINED
    return KnownModel(
        name=member.name,
        group=lineage.group or f"{lineage.recipe or lineage.method}/{taught}/{member.base}",
        transcript=transcript,
        teachers=frozenset(member.teachers),
        vendors=frozenset(member.vendors),
        kin=frozenset({lineage.vendor} - {""}),
        start=_start(member),
        base=None if own else bases.get(member.base),
        dose=lineage.dose,
        evasions=lineage.evasions,
    )


def _start(member: Member) -> str:
    """What a member was trained from, as people call it, with the beginning of its digest where
    that is known."""
    base = member.lineage.base
    if base is None:
        return member.base
    return f"{base.name} ({base.weights_sha256[:8]})" if base.weights_sha256 else base.name


def population_of(
    known: Sequence[KnownModel], teachers: Sequence[Teacher], about: str
) -> Population:
    """What the models of a calibration have in common, as numbers. ``about`` says in words who
    they are."""
    lengths = [typical_length(k.transcript) for k in known]
    positives = {k.group for k in known if k.teachers or k.vendors}
    return Population(
        about=about,
        models=len(known),
        groups=len({k.group for k in known}),
        positives=len(positives),
        negatives=len({k.group for k in known if not k.teachers and not k.vendors}),
        teachers=tuple(sorted({t for k in known for t in k.teachers})),
        starts=tuple(sorted({k.start for k in known if k.start})),
        stored=len(teachers),
        vendors=len({t.vendor.casefold() for t in teachers if t.vendor}),
        characters=Range(low=min(lengths), middle=float(np.median(lengths)), high=max(lengths)),
    )


def typical_length(transcript: Transcript) -> float:
    """The median length of the style answers, in characters; 0 without one."""
    lengths = [len(a.text) for a in style_answers(transcript).values()]
    return float(median(lengths)) if lengths else 0.0
