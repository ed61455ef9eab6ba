"""The frame that every kind of audit fills: one way to make a report, one to keep it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from auditor.audits.plan import BUNDLED, AuditPlan
from auditor.audits.report.bundle import TRANSCRIPT, write_bundle
from auditor.audits.report.places import portable
from auditor.environment import environment
from auditor.evidence.error_rates import (
    CalibrationSection,
)
from auditor.evidence.records import (
    Answer,
    BaseSection,
    Candidate,
    Finding,
    Report,
    ReportSection,
    ScoresSection,
    Skipped,
    StoreChoice,
    StoreSection,
    SubjectSection,
    TranscriptSection,
    Verdict,
)
from auditor.evidence.running import ran_otherwise
from auditor.evidence.sensitivity import Sensitivity
from auditor.version import VERSION
from detectors.case import Teacher
from detectors.measurement import Measurement, NotMeasured
from fingerprints.collect import NEGOTIATED, OTHER_MODEL, THOUGHTS_ONLY, timestamp
from fingerprints.records import Identity, sha256
from fingerprints.transcript import Transcript

if (
    TYPE_CHECKING
):  # loading it takes a second of scikit-learn, which kinds without detectors don't need
    from detectors.base import Detector
    from fingerprints.store import FingerprintStore


class ReportParts(TypedDict, total=False):
    """What a kind of audit says itself; the rest of a report is the same for all."""

    headline: tuple[str, ...]
    answers: Required[tuple[Answer, ...]]
    candidates: tuple[Candidate, ...]
    store: StoreSection | None
    base: BaseSection | None
    calibration: CalibrationSection | None
    scores: ScoresSection | None
    findings: Required[tuple[Finding, ...]]
    skipped: Required[tuple[Skipped, ...]]
    verdicts: tuple[Verdict, ...]
    sensitivity: Sensitivity | None
    limits: Required[tuple[str, ...]]
    alternatives: Required[tuple[str, ...]]
    reproduce: Required[tuple[str, ...]]


def build_report(
    plan: AuditPlan,
    suspect: Transcript | SubjectSection,
    digests: Iterable[str],
    sections: Iterable[ReportSection | None] = (),
    decided: Mapping[str, Any] | None = None,
    beside: Mapping[str, Identity] | None = None,
    called: str = "The suspect",
    **parts: Unpack[ReportParts],
) -> Report:
    """The report of an audit: the same plan and records give the same report, dates aside. It tells
    no folder of this machine but those beside the working folder, from there.

    ``suspect`` is what it answered, or who it is where nobody was asked. ``digests`` are of what
    was judged besides, ``sections`` the kind's own (None: left out), ``decided`` what was settled
    during the audit and belongs to its plan. ``beside`` are those whose answers or scores stand
    beside the suspect's, by name: where one was run otherwise, the limits say so, of a suspect that
    is ``called`` so there.
    """
    asked = suspect if isinstance(suspect, Transcript) else None
    section = None if asked is None else transcript_section(asked)
    seen = "" if section is None else section.sha256
    subject = subject_of(suspect) if isinstance(suspect, Transcript) else suspect
    otherwise = ran_otherwise(subject.identity, beside or {}, called)
    parts["limits"] = (*parts["limits"], *otherwise)
    known: dict[str, Any] = {"candidates": (), "store": None, "verdicts": (), **parts}
    made = Report(
        # No date and no time goes into it: judged again, a report has the same id.
        id=sha256("".join((plan.digest(), seen, *digests)))[:16],
        created=timestamp(),
        tool=f"distillation-auditor {VERSION}",
        subject=subject,
        plan={**plan.told(), **(decided or {})},
        transcript=section,
        sections={s.key: s for s in sections if s is not None},
        environment=environment(),
        **known,
    )
    return portable(made, Path.cwd())


def subject_of(transcript: Transcript) -> SubjectSection:
    """Who answered, and the spec that opens it again."""
    return SubjectSection(spec=transcript.header.spec, identity=transcript.identity)


def keep(report: Report, plan: AuditPlan, folder: Path, force: bool = False) -> Report:
    """Writes the bundle of an audit whose answers lie in ``folder`` already, and returns the
    report. Raises what `write_bundle` raises."""
    asked = None if report.transcript is None else folder / TRANSCRIPT
    write_bundle(report, asked, plan.to_yaml(), folder, force)
    return report


def finding_of(
    detector: Detector, candidate: str | None, result: Measurement | NotMeasured
) -> Finding | Skipped:
    """What a detector gave about a candidate (None: about the suspect alone) as a report keeps
    it, not weighed yet."""
    if isinstance(result, NotMeasured):
        return Skipped(
            question=detector.question,
            detector=detector.name,
            candidate=candidate,
            reason=result.reason,
            code=result.code,
        )
    return Finding.of(result, detector.question, detector.name, candidate)


def candidate_of(suspect: Transcript, other: Teacher, shared: int, identical: int) -> Candidate:
    """Somebody that the suspect was compared with: so many prompts are ``shared``, and so many of
    them answered in the very same words."""
    said = other.transcript
    return Candidate(
        name=other.name,
        vendor=other.vendor,
        family=other.family,
        identity=said.identity,
        n_answers=len(said.replies),
        n_shared=shared,
        answers_sha256=said.digest(),
        n_identical=identical,
        same_weights=suspect.identity.same_weights(said.identity),
    )


@contextmanager
def open_store(name: str) -> Iterator[FingerprintStore]:
    """The bundled reference store, the one in a folder, or a published one at an address, opened
    for reading and closed afterwards."""
    # Loaded where a store is opened: a comparison of files does without.
    from fingerprints.address import is_address
    from fingerprints.reference import reference_store
    from fingerprints.remote_store import opened
    from fingerprints.store import FingerprintStore
    from fingerprints.subjects.cache import cache_folder

    if is_address(name):
        with opened(name, cache_folder()) as published:
            yield published
        return
    store = (
        reference_store() if name == BUNDLED else FingerprintStore.open(Path(name), read_only=True)
    )
    try:
        yield store
    finally:
        store.close()


def store_section(
    name: str, store: FingerprintStore, choice: StoreChoice | None = None
) -> StoreSection:
    """The store as a report tells it; ``choice`` says who of a large one was looked at."""
    return StoreSection(
        name=name,
        embedder=store.catalog.embedder,
        sha256=store.digest(),
        n_models=len(store.teachers()),
        choice=choice,
    )


def transcript_section(transcript: Transcript) -> TranscriptSection:
    """What was asked and how it went, as a report tells it."""
    replies = transcript.replies
    return TranscriptSection(
        sha256=transcript.digest(),
        complete=transcript.complete,
        probe_sets=transcript.header.probe_sets,
        sampling=transcript.header.sampling,
        counts=transcript.counts(),
        events=tuple(f"{e.kind}: {e.detail}" for e in transcript.events),
        seconds=round(sum(r.seconds for r in replies if r.seconds is not None), 3) or None,
        tokens_in=sum(r.tokens_in for r in replies if r.tokens_in is not None) or None,
        tokens_out=sum(r.tokens_out for r in replies if r.tokens_out is not None) or None,
        adjusted=dict(sorted(Counter(a.value for r in replies for a in r.adjusted).items())),
    )


def limits_of_asking(transcript: Transcript) -> list[str]:
    """What an endpoint would not take as it was planned, and under whose name it answered: a
    sentence each."""
    kinds = (NEGOTIATED, OTHER_MODEL, THOUGHTS_ONLY)
    told = (event.detail for event in transcript.events if event.kind in kinds)
    return [f"How it was asked: {detail}." for detail in told]
