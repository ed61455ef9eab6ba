"""likelihoods.json: how likely a member finds every teacher's held-out words.

Tiny models inherit in likelihood before they inherit in anything that they say. Knows texts and
subjects; judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record
from fingerprints.subjects.base import Subject
from fingerprints.transcript import Transcript

LIKELIHOODS = "likelihoods.json"
DIGITS = 5


class HeldOutText(Record):
    """One text of a teacher's, with what its prompt was rendered to; ``id`` is the question's."""

    id: str
    context: str
    text: str


class TeacherLikelihoods(Record):
    """Bits per byte of one teacher's held-out texts, by question, and each length in ``bytes``."""

    bits_per_byte: dict[str, float]
    bytes: dict[str, int]


class MemberLikelihoods(Record):
    """One member's likelihoods by teacher, of the texts with the digest ``texts_sha256``."""

    format: Literal["likelihoods/1"] = "likelihoods/1"
    texts_sha256: str
    teachers: dict[str, TeacherLikelihoods]


class HeldOut(Record):
    """The held-out texts of every teacher."""

    teachers: dict[str, tuple[HeldOutText, ...]]


def held_out_of(transcripts: Mapping[str, Transcript], prefix: str) -> HeldOut:
    """The readable answers to probes ``prefix…``, by teacher, in order of question."""
    found = {
        name: tuple(
            HeldOutText(id=r.probe_id, context=r.prompt or "", text=r.text)
            for r in transcript.readable(prefix)
        )
        for name, transcript in transcripts.items()
    }
    return HeldOut(teachers=found)


def measure_likelihoods(subject: Subject, held_out: HeldOut) -> MemberLikelihoods:
    """Bits per byte of every text after its context. Raises UsageProblem where it gives none."""
    rows = [(name, text) for name, texts in held_out.teachers.items() for text in texts]
    scored = subject.score([t.text for _, t in rows], [t.context for _, t in rows])
    bits: dict[str, dict[str, float]] = {name: {} for name in held_out.teachers}
    sizes: dict[str, dict[str, int]] = {name: {} for name in held_out.teachers}
    for (name, text), found in zip(rows, scored, strict=True):
        bits[name][text.id] = round(found.bits_per_byte, DIGITS)
        sizes[name][text.id] = found.bytes
    told = {name: TeacherLikelihoods(bits_per_byte=bits[name], bytes=sizes[name]) for name in bits}
    return MemberLikelihoods(texts_sha256=held_out.digest(), teachers=told)


def write_likelihoods(folder: Path, found: MemberLikelihoods) -> None:
    """Writes ``likelihoods.json`` into a folder, whole or not at all."""
    write_record(folder / LIKELIHOODS, found)


def read_likelihoods(folder: Path) -> MemberLikelihoods:
    """A member's likelihoods. Raises MalformedInput where the file is missing or none."""
    return _FILE.read(folder / LIKELIHOODS)


_FILE = RecordFile(
    MemberLikelihoods, "no likelihoods", "run `auditor control ladder` again to finish it"
)


def contrasts(found: MemberLikelihoods, teachers: Sequence[str] = ()) -> dict[str, float]:
    """By teacher: its texts' mean bits per byte less the mean of the others'; lower: nearer.

    ``teachers`` narrows the cohort of teachers; it must name two or more of those that are there.
    """
    chosen = tuple(teachers) or tuple(found.teachers)
    means = {name: _mean(list(found.teachers[name].bits_per_byte.values())) for name in chosen}
    total = sum(means.values())
    return {name: means[name] - (total - means[name]) / (len(means) - 1) for name in means}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
