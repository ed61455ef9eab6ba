"""run(plan) → Report: the straight line of an audit. Observe, then judge.

Asks only through `collect`; everything after it works on records and can be repeated without the
model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.audits.inheritance.base_model import Base, find_base
from auditor.audits.inheritance.narrative import alternatives, answers, limits, reproduction
from auditor.audits.inheritance.scoring import find_scores, scores_section
from auditor.audits.inheritance.sequential import watching
from auditor.audits.lineage.within import Within, lineage_within
from auditor.audits.plan import BUNDLED, DEFAULT_DETECTORS, WITH_BASE, Plan, make_plan
from auditor.calibration.case import weigh_case
from auditor.environment import environment
from auditor.evidence.records import (
    Candidate,
    Finding,
    Report,
    Skipped,
    StoreSection,
    SubjectSection,
    TranscriptSection,
)
from auditor.reporting.bundle import ready_folder, write_bundle
from auditor.version import VERSION
from detectors.base import Case, Detector, Measurement, NotMeasured, Teacher
from detectors.registry import load_detector
from fingerprints.catalog_rows import StoredTeacher
from fingerprints.collect import Progress, collect, timestamp
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import parse_probes
from fingerprints.records import sha256
from fingerprints.reference import reference_store
from fingerprints.scores import Scores
from fingerprints.store import FingerprintStore
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

TRANSCRIPT = "transcript.jsonl"


def audit(suspect: str, out: str | Path = "report", **choices: Any) -> Report:
    """Audits a suspect and writes the report bundle: what ``auditor audit SPEC --out DIR`` does.

    ``choices`` are fields of `Plan` (store, probes, detectors, candidates, sampling); ``probes``
    may be a preset's name or a list such as ``"identity,style:96"``. Returns the report. Raises
    `fingerprints.errors.AuditError`.
    """
    if isinstance(choices.get("probes"), str):
        choices["probes"] = parse_probes(choices["probes"])
    plan = make_plan({"suspect": suspect, **choices})
    folder = Path(out)
    ready_folder(folder)
    report = run(plan, folder)
    write_bundle(report, folder / TRANSCRIPT, plan.to_yaml(), folder)
    return report


def run(
    plan: Plan,
    out: Path,
    asking: Progress | None = None,
    judging: Progress | None = None,
    asking_base: Progress | None = None,
    scoring: Progress | None = None,
    reading: Progress | None = None,
) -> Report:
    """Audits the plan's suspect and returns the report; the transcripts are kept (and resumed) in
    ``out``.

    ``asking`` is told of answers, ``asking_base`` of the base's, ``scoring`` of texts whose
    likelihood was asked, ``judging`` of comparisons, ``reading`` of weights. One model is open at a
    time. Deterministic for greedy sampling on one device. Raises the errors of `open_subject`,
    `collect` and the store.
    """
    probe_sets = plan.probe_sets()
    with open_store(plan.store) as store:
        chosen = _chosen(store, plan.candidates)
        watch = watching(plan, store)
        with open_subject(plan.suspect) as subject:
            stop = watch.stop() if watch else None
            transcript = collect(subject, probe_sets, plan.sampling, out / TRANSCRIPT, asking, stop)
        kin = lineage_within(plan, reading)
        base = find_base(plan, transcript, store, out, asking_base, kin.base)
        scores = find_scores(
            plan, transcript, base, lambda: _others(store, transcript), out, scoring
        )
        report = judge(plan, transcript, store, chosen, judging, base, scores, kin)
    return watch.told(report, transcript, plan) if watch else report


def judge(
    plan: Plan,
    transcript: Transcript,
    store: FingerprintStore,
    chosen: Sequence[StoredTeacher],
    judging: Progress | None = None,
    base: Base | None = None,
    scores: Scores | None = None,
    kin: Within | None = None,
) -> Report:
    """The report on a transcript: nothing is asked, so the same records give the same report
    (dates aside)."""
    if not any(r.readable for r in transcript.replies):
        raise MalformedInput(
            "the suspect gave no readable answer",
            where=printable(plan.suspect, 100),
            next_step="look at the transcript's errors, then run the audit again",
        )
    shared = store.shared_prompts(transcript)
    stored = _stored(store)
    by_name = {t.name: t for t in stored}
    known = KnownBesides(base.teacher if base else None, scores or Scores(), kin or Within())
    candidates = [_candidate(t, transcript, by_name[t.name], shared.get(t.name, 0)) for t in chosen]
    others = [t for t in stored if not transcript.identity.same_weights(t.transcript.identity)]
    results: list[Finding | Skipped] = []
    names = _detectors(plan, base)
    if judging:
        judging(0, len(names) * len(candidates))
    for i, name in enumerate(names):
        for j, result in enumerate(
            _examine(load_detector(name), transcript, others, candidates, known)
        ):
            results.append(result)
            if judging:
                judging(
                    i * len(candidates) + min(j + 1, len(candidates)), len(names) * len(candidates)
                )
    findings = tuple(r for r in results if isinstance(r, Finding))
    skipped = tuple(r for r in results if isinstance(r, Skipped))
    return _report(plan, transcript, store, candidates, findings, skipped, base, known)


def _detectors(plan: Plan, base: Base | None) -> tuple[str, ...]:
    """The plan's detectors; where nobody chose them and the base is known, what reads a base
    besides."""
    chosen = plan.detectors
    return (*chosen, *WITH_BASE) if base is not None and chosen == DEFAULT_DETECTORS else chosen


@dataclass(frozen=True)
class KnownBesides:
    """What is known besides the suspect's answers: its base, who finds which texts how likely,
    and what its weights told."""

    base: Teacher | None
    scores: Scores
    kin: Within = field(default_factory=Within)


def _stored(store: FingerprintStore) -> list[Teacher]:
    return [Teacher(t.name, t.vendor, t.family, store.transcript(t.name)) for t in store.teachers()]


def _others(store: FingerprintStore, suspect: Transcript) -> list[Teacher]:
    return [t for t in _stored(store) if not suspect.identity.same_weights(t.transcript.identity)]


def _examine(
    detector: Detector,
    suspect: Transcript,
    teachers: Sequence[Teacher],
    candidates: Sequence[Candidate],
    known: KnownBesides,
) -> Iterator[Finding | Skipped]:
    for candidate in candidates:
        if candidate.same_weights:
            yield Skipped(
                question=detector.question,
                detector=detector.name,
                candidate=candidate.name,
                reason=(
                    "the suspect has this stored model's weights (equal SHA-256): it is that model,"
                    " not a student of it"
                ),
            )
    fitted = detector.fit(teachers, suspect)
    if detector.scope != "candidate":
        yield finding_of(
            detector,
            None,
            fitted.measure(Case(suspect, None, tuple(teachers), known.base, scores=known.scores)),
        )
    if detector.scope == "suspect":
        return
    if not teachers:
        yield Skipped(
            question=detector.question,
            detector=detector.name,
            candidate=None,
            reason="the store holds no other model to compare with",
        )
        return
    asked = {c.name for c in candidates}
    for teacher in (t for t in teachers if t.name in asked):
        background = tuple(t for t in teachers if t is not teacher)
        case = Case(suspect, teacher, background, known.base, scores=known.scores)
        yield finding_of(detector, teacher.name, fitted.measure(case))


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
        )
    fields = {name: getattr(result, name) for name in type(result).model_fields}
    return Finding(
        question=detector.question, detector=detector.name, candidate=candidate, **fields
    )


def _report(
    plan: Plan,
    transcript: Transcript,
    store: FingerprintStore,
    candidates: Sequence[Candidate],
    findings: tuple[Finding, ...],
    skipped: tuple[Skipped, ...],
    base: Base | None,
    known: KnownBesides,
) -> Report:
    section, scores, kin = transcript_section(transcript), known.scores, known.kin
    created = timestamp()
    case = weigh_case(
        plan.calibration,
        findings,
        candidates,
        transcript,
        {t.name: t.vendor for t in store.teachers()},
    )
    return Report(
        id=sha256(f"{plan.digest()}{section.sha256}{store.digest()}")[:16],
        created=created,
        tool=f"distillation-auditor {VERSION}",
        subject=SubjectSection(spec=transcript.header.spec, identity=transcript.identity),
        plan=plan.model_dump(mode="json", exclude_none=True),
        answers=answers(transcript, candidates, case.findings, case.verdicts, kin.answer),
        candidates=tuple(candidates),
        store=_store_section(plan, store),
        base=base.section(transcript) if base else None,
        calibration=case.section,
        scores=scores_section(scores),
        lineage=kin.section,
        transcript=section,
        findings=(*case.findings, *kin.findings),
        skipped=(*skipped, *kin.skipped),
        verdicts=(*case.verdicts, *kin.verdicts),
        limits=(*limits(transcript, candidates, findings, case.section), *kin.limits),
        alternatives=alternatives(),
        environment=environment(),
        reproduce=reproduction(
            plan, base is not None and base.origin != "store", bool(scores.rows)
        ),
    )


def _candidate(
    stored: StoredTeacher, suspect: Transcript, teacher: Teacher, shared: int
) -> Candidate:
    return Candidate(
        name=stored.name,
        vendor=stored.vendor,
        family=stored.family,
        identity=stored.identity,
        n_answers=stored.n_answers,
        n_shared=shared,
        answers_sha256=stored.answers_sha256,
        n_identical=_identical(suspect, teacher.transcript),
        same_weights=suspect.identity.same_weights(stored.identity),
    )


def _identical(one: Transcript, other: Transcript) -> int:
    theirs = {
        (other.probes[r.probe_id].prompt_sha256(), r.text.strip())
        for r in other.replies
        if r.readable
    }
    ours = {
        (one.probes[r.probe_id].prompt_sha256(), r.text.strip()) for r in one.replies if r.readable
    }
    return len({prompt for prompt, _ in theirs & ours})


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
    )


def _store_section(plan: Plan, store: FingerprintStore) -> StoreSection:
    return StoreSection(
        name=plan.store,
        embedder=store.catalog.embedder,
        sha256=store.digest(),
        n_models=len(store.teachers()),
    )


def _chosen(store: FingerprintStore, names: Sequence[str]) -> list[StoredTeacher]:
    known = {t.name: t for t in store.teachers()}
    missing = [name for name in names if name not in known]
    if missing:
        raise UsageProblem(
            f"the store holds no model called {printable(missing[0], 60)!r}",
            where="--candidate",
            next_step="see `auditor store list`",
        )
    return [known[name] for name in names] if names else list(known.values())


@contextmanager
def open_store(name: str) -> Iterator[FingerprintStore]:
    """The bundled reference store, or the one in a folder, opened for reading and closed
    afterwards."""
    store = (
        reference_store() if name == BUNDLED else FingerprintStore.open(Path(name), read_only=True)
    )
    try:
        yield store
    finally:
        store.close()
