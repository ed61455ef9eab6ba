"""plant_test(plan) → Report: the straight line. Open the plant, ask the suspect, let an open one
choose behind marked texts, count, tell.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auditor.audits.plants.dealt import habits_report
from auditor.audits.plants.marks import watermark_report
from auditor.audits.plants.opened import Plant, open_plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.reading import passages
from auditor.audits.plants.telling import Examined
from auditor.audits.report.bundle import TRANSCRIPT
from auditor.evidence.records import Report
from fingerprints.choices import CHOICES, Choices, ChoicesFile
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.plants import SealedWatermark
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import write_record
from fingerprints.records import Identity
from fingerprints.subjects import open_subject
from fingerprints.subjects.base import Subject
from fingerprints.subjects.spec import parse_spec, refuse_bad_spec
from fingerprints.transcript import Transcript

CHOSEN, BASE = "choices.json", "base.jsonl"
BATCH = 16
"""Marked texts between two writes: what a kill can lose."""


def plant_test(
    plan: PlantTestPlan, out: Path, warn: Callable[[str], None], progress: Progress = SILENT
) -> Report:
    """Asks the suspect (into ``out``, resumable), counts, and returns the report.

    Greedy answers of a local model give the same report, dates aside. Raises the errors of
    `planted`, `open_subject` and `collect`, and MalformedInput for marked answers without the mark.
    """
    plant = planted(plan, warn)
    for spec in (plan.suspect, *([plan.base] if plan.base else [])):
        refuse_bad_spec(spec)
    marked = None if plan.marked is None else recorded(plan.marked)
    with open_subject(plan.suspect) as subject:
        asking = progress.step("asking the suspect")
        said = collect(subject, plan.probe_sets(), plan.sampling, out / TRANSCRIPT, asking)
        chosen = None if plan.choices is None else CHOICES.read(Path(plan.choices))
        if marked is not None and chosen is None and "weights" in subject.offers:
            choosing = progress.step("choosing behind marked texts")
            chosen = choose(subject, plan.base, marked, out / CHOSEN, choosing)
    base = None
    if plan.base is not None and plant.notice.kind == "habit":
        base = _base(plan, plan.base, out, progress)
    return counted(plan, plant, Examined(said, marked, chosen, base), progress)


def counted(
    plan: PlantTestPlan, plant: Plant, heard: Examined, progress: Progress = SILENT
) -> Report:
    """The report on what was heard: nothing is asked, so the same records give the same report,
    dates aside."""
    if isinstance(plant.sealed, SealedWatermark):
        counting = progress.step("counting under unused keys")
        return watermark_report(plan, plant, plant.sealed, heard, counting)
    return habits_report(plan, plant, plant.sealed, heard)


def planted_audit(plan: PlantTestPlan, out: Path, progress: Progress = SILENT) -> Report:
    """The same, as every kind of audit is run: what is wrong with the plant's files is said to
    whoever is told of the progress."""
    return plant_test(plan, out, progress.say, progress)


def planted(plan: PlantTestPlan, warn: Callable[[str], None]) -> Plant:
    """The plan's plant. Raises the errors of `open_plant`, and UsageProblem for what a plant of its
    kind has no use for."""
    plant = open_plant(Path(plan.plant), None if plan.sealed is None else Path(plan.sealed), warn)
    if plant.notice.kind == "habit" and plan.marked is not None:
        told, step = "habits are looked for in the suspect's own answers alone", "leave it out"
        raise UsageProblem(told, where="--marked", next_step=step)
    chooses = plan.marked is not None and plan.choices is None
    if plant.notice.kind == "watermark" and plan.base is not None and not chooses:
        raise UsageProblem(
            "a watermark is looked for against a base in what the suspect chooses now behind marked"
            " answers, and nowhere else",
            where="--base",
            next_step="give --marked without --choices, or leave it out",
        )
    return plant


def recorded(spec: str) -> Transcript:
    """Recorded answers. Raises UsageProblem for a subject that would have to be asked."""
    with open_subject(spec) as subject:
        return subject.recorded()


def choose(
    subject: Subject, base: str | None, marked: Transcript, path: Path, progress: Progress
) -> ChoicesFile:
    """The suspect's choices behind the beginnings of marked texts, against its base where there is
    one; kept in a file, and resumed from it. Raises MalformedInput for a file of other models or
    texts."""
    asked = passages(marked)
    against = None if base is None else open_subject(base)
    try:
        held = ChoicesFile(
            marked_sha256=marked.digest(),
            subject_sha256=_who(subject.identity),
            base_sha256=None if against is None else _who(against.identity),
            rows=(),
        )
        held = _resumed(path, held)
        while len(held.rows) < len(asked):
            some = asked[len(held.rows) : len(held.rows) + BATCH]
            more: list[Choices | str] = list(subject.choices(some, against))
            held = held.model_copy(update={"rows": (*held.rows, *more)})
            write_record(path, held)
            progress(len(held.rows), len(asked))
    finally:
        if against is not None:
            against.close()
    return held


def _resumed(path: Path, begun: ChoicesFile) -> ChoicesFile:
    if not path.exists():
        return begun
    held = CHOICES.read(path)
    if held.model_copy(update={"rows": ()}) != begun:
        raise MalformedInput(
            "the file holds choices of other models, or behind other texts",
            where=path,
            next_step="move it away, or write to another folder",
        )
    return held


def _who(identity: Identity) -> str:
    return identity.model_copy(update={"notes": ()}).digest()


def _base(plan: PlantTestPlan, base: str, out: Path, progress: Progress) -> Transcript:
    spec = parse_spec(base)
    with open_subject(spec) as subject:
        asking = progress.step(f"asking {printable(spec.target, 40)}")
        return collect(subject, plan.probe_sets(), plan.sampling, out / BASE, asking)
