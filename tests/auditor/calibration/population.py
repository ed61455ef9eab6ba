"""A small population of synthetic models of known history: authors with habits, students that
write like their teacher."""

from __future__ import annotations

from pathlib import Path

from auditor.calibration.rows import KnownModel
from auditor.controls.lineage import Lineage, LineageTeacher, write_lineage
from detectors.base import Teacher
from fingerprints.journal import TranscriptWriter
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.detectors.authors import Author, speaker, stored, transcript

PROMPTS = 40
TEACHERS = 6
STUDENTS, STRANGERS = 18, 18
NAMES = ("stylistic_overlap", "neighbours")


def teachers() -> list[Teacher]:
    """Six stored models of as many vendors."""
    return [stored(seed, PROMPTS) for seed in range(1, 1 + TEACHERS)]


def student(own: int, teacher: int, share: float = 0.9) -> Transcript:
    """A model with habits of its own that answers like its teacher to a share of the topics."""
    texts = [
        Author(teacher if (i * 37 + own) % 100 < 100 * share else own).write(i, salt=1000 + own)
        for i in range(PROMPTS)
    ]
    return transcript(texts, f"student-{own}")


def known() -> list[KnownModel]:
    """Eighteen students, three of each teacher, and eighteen models that nobody taught; each a
    lineage of its own."""
    taught = [
        KnownModel(
            name=f"student-{100 + i}",
            group=f"s{i}",
            transcript=student(100 + i, 1 + i % TEACHERS),
            teachers=frozenset({f"author-{1 + i % TEACHERS}"}),
            vendors=frozenset({f"vendor-{1 + i % TEACHERS}"}),
            start=f"base-{i % 3}",
            dose=0.9,
        )
        for i in range(STUDENTS)
    ]
    alone = [
        KnownModel(
            name=f"alone-{200 + i}",
            group=f"a{i}",
            transcript=speaker(200 + i, PROMPTS),
            start=f"base-{i % 3}",
        )
        for i in range(STRANGERS)
    ]
    return [*taught, *alone]


def write_store(folder: Path) -> Path:
    """The teachers as a store on the disk."""
    with FingerprintStore.create(folder) as store:
        for teacher in teachers():
            store.add(
                teacher.transcript, name=teacher.name, vendor=teacher.vendor, family=teacher.family
            )
    return folder


def write_transcript(path: Path, said: Transcript) -> Path:
    """A transcript on the disk, finished."""
    with TranscriptWriter(path, said.header, list(said.probes.values())) as writer:
        for reply in said.replies:
            writer.add(reply)
        writer.finish()
    return path


def write_cohort(folder: Path) -> Path:
    """The models of known history as a cohort on the disk: a lineage and a transcript each."""
    for model in known():
        place = folder / model.name
        place.mkdir(parents=True)
        write_transcript(place / "transcript.jsonl", model.transcript)
        named = tuple(
            LineageTeacher(name=t, vendor=f"vendor-{t.removeprefix('author-')}")
            for t in sorted(model.teachers)
        )
        role = "positive" if named else "negative"
        write_lineage(
            place,
            Lineage(
                name=model.name,
                role=role,
                method="sft",
                base_spec=model.start,
                teachers=named,
                dose=model.dose,
                group=model.group,
            ),
        )
    return folder
