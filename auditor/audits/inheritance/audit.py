"""run(plan) → Report: the straight line of an audit. Observe, then judge.

Asks only through `collect`; everything after it works on records and can be repeated without the
model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from auditor.audits.frame import (
    build_report,
    candidate_of,
    finding_of,
    keep,
    open_store,
    store_section,
)
from auditor.audits.inheritance.base_model import Base, find_base
from auditor.audits.inheritance.candidates import Looked, looked_at
from auditor.audits.inheritance.headline import StyleUse, identity_told
from auditor.audits.inheritance.kinship import kinship
from auditor.audits.inheritance.narrative import alternatives, answers, limits, reproduction
from auditor.audits.inheritance.plan import DEFAULT_DETECTORS, WITH_BASE, Plan
from auditor.audits.inheritance.scoring import find_scores, scores_section
from auditor.audits.inheritance.sensitivity import JudgedAnswers, sensitivity
from auditor.audits.inheritance.sequential import watching
from auditor.audits.inheritance.shelf import Shelf, shelf
from auditor.audits.lineage.within import Within, lineage_within
from auditor.audits.report.bundle import TRANSCRIPT, ready_folder
from auditor.calibration.case import WeighedCase, check_choice, weigh_case
from auditor.evidence.groups import groups_of
from auditor.evidence.kinship import FEWEST_EQUAL, MOSTLY_EQUAL
from auditor.evidence.records import Candidate, Finding, Report, Skipped
from auditor.evidence.sensitivity import Sensitivity
from detectors.base import Case, Detector, NotMeasured, Teacher
from detectors.prompts_shared import PromptsShared
from detectors.registry import load_detector
from detectors.text.makers import using_makers
from fingerprints.collect import collect, copied
from fingerprints.errors import MalformedInput, printable
from fingerprints.probes import parse_probes
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity
from fingerprints.scores import Scores
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

REPORT = Path("report")
ITSELF = NotMeasured(
    reason=(
        "the suspect has this stored model's weights (equal SHA-256): it is that model, not a"
        " student of it"
    ),
    code="same_weights",
)
NOBODY = NotMeasured(reason="the store holds no other model to compare with", code="too_few_models")


def audit(suspect: str, out: str | Path = "report", **choices: Any) -> Report:
    """Audits a suspect and writes the report bundle: what ``auditor audit SPEC --out DIR`` does.

    ``choices`` are fields of `Plan` (store, probes, detectors, candidates, sampling); ``probes``
    may be a preset's name or a list such as ``"identity,style:96"``. Returns the report. Raises
    `fingerprints.errors.AuditError`.
    """
    if isinstance(choices.get("probes"), str):
        choices["probes"] = parse_probes(choices["probes"])
    plan = Plan.make({"suspect": suspect, **choices})
    folder = Path(out)
    ready_folder(folder)
    return keep(run(plan, folder), plan, folder)


def run(
    plan: Plan,
    out: Path,
    progress: Progress = SILENT,
    heard: Mapping[str, Transcript] | None = None,
) -> Report:
    """Audits the plan's suspect and returns the report; the transcripts are kept (and resumed) in
    ``out``.

    ``heard`` holds, by spec, what the suspect or its base answered to the plan's questions before:
    whoever is there is not asked again. One model is open at a time. Deterministic for greedy
    sampling on one device. Raises the errors of `open_subject`, `collect` and the store.
    """
    with using_makers(plan.makers()):
        return _run(plan, out, progress, heard or {})


def _run(plan: Plan, out: Path, progress: Progress, heard: Mapping[str, Transcript]) -> Report:
    """The same, with the plan's makers' names in use."""
    probe_sets = plan.probe_sets()
    check_choice(plan.calibration)
    with open_store(plan.store) as store:
        models = shelf(store, plan)
        models.named(plan.candidates)  # refused before anything is asked
        watch = watching(plan, models)
        if plan.suspect in heard:
            transcript = copied(heard[plan.suspect], out / TRANSCRIPT)
        else:
            with open_subject(plan.suspect) as subject:
                stop = watch.stop() if watch else None
                asking = progress.step("asking the suspect")
                into = out / TRANSCRIPT
                transcript = collect(subject, probe_sets, plan.sampling, into, asking, stop)
        # Before the base is asked: the weights may tell which model it is.
        reading = progress.step("comparing weights")
        kin = lineage_within(plan.suspect, plan.weighed_against, reading)
        asking_base = progress.step("asking the base")
        base = find_base(plan, transcript, models, out, asking_base, kin.base, heard)
        looked = looked_at(models, plan, transcript)
        scoring = progress.step("scoring texts")
        scores = find_scores(plan, transcript, base, looked.others(transcript), out, scoring)
        judging = progress.step("comparing with stored models")
        # The matrices are small: more threads wait for each other, for twice the processor time.
        with threadpool_limits(limits=1, user_api="blas"):
            report = judge(plan, transcript, models, looked, judging, base, scores, kin, out)
    return watch.told(report, transcript, plan) if watch else report


def judge(
    plan: Plan,
    transcript: Transcript,
    models: Shelf,
    looked: Looked,
    judging: Progress = SILENT,
    base: Base | None = None,
    scores: Scores | None = None,
    kin: Within | None = None,
    out: Path = REPORT,
) -> Report:
    """The report on a transcript: nothing is asked, so the same records give the same report
    (dates aside). ``out`` is the folder that it is written to, as the commands that repeat it name
    it."""
    if not any(r.readable for r in transcript.replies):
        raise MalformedInput(
            "the suspect gave no readable answer",
            where=printable(plan.suspect, 100),
            next_step="look at the transcript's errors, then run the audit again",
        )
    shared = models.store.shared_prompts(transcript)
    base_model = base.teacher if base else None
    known = KnownBesides(base_model, scores or Scores(), kin or Within(), plan.vendor)
    said = _said(transcript)
    candidates = [
        # As the store calls its maker, whatever group its weights have put it into.
        candidate_of(transcript, t, shared.get(t.name, 0), _identical(said, t)).model_copy(
            update={"vendor": models.records[t.name].vendor}
        )
        for t in (models.teacher(record.name) for record in looked.records)
    ]
    others = looked.others(transcript)
    results: list[Finding | Skipped] = []
    names = _detectors(plan, base)
    judging(0, len(names) * len(candidates))
    for i, name in enumerate(names):
        for j, result in enumerate(
            _examine(load_detector(name), transcript, others, candidates, known)
        ):
            results.append(result)
            judging(i * len(candidates) + min(j + 1, len(candidates)), len(names) * len(candidates))
    findings = tuple(r for r in results if isinstance(r, Finding))
    skipped = tuple(r for r in results if isinstance(r, Skipped))
    return _report(
        plan, transcript, models, looked, candidates, findings, skipped, base, known, out
    )


def _detectors(plan: Plan, base: Base | None) -> tuple[str, ...]:
    """The plan's detectors; where nobody chose them and the base is known, what reads a base
    besides."""
    chosen = plan.detectors
    return (*chosen, *WITH_BASE) if base is not None and chosen == DEFAULT_DETECTORS else chosen


@dataclass(frozen=True)
class KnownBesides:
    """What is known besides the suspect's answers: its base, who finds which texts how likely,
    what its weights told, and who made it."""

    base: Teacher | None
    scores: Scores
    kin: Within = field(default_factory=Within)
    vendor: str = ""

    def case(
        self, suspect: Transcript, candidate: Teacher | None, background: Sequence[Teacher]
    ) -> Case:
        """The question about the suspect and one candidate, with all that is known."""
        found = Case(suspect, candidate, tuple(background), self.base, scores=self.scores)
        return replace(found, vendor=self.vendor)


def _examine(
    detector: Detector,
    suspect: Transcript,
    teachers: Sequence[Teacher],
    candidates: Sequence[Candidate],
    known: KnownBesides,
) -> Iterator[Finding | Skipped]:
    for candidate in candidates:
        if candidate.same_weights:
            yield finding_of(detector, candidate.name, ITSELF)
    fitted = detector.fit(teachers, suspect)
    if detector.scope != "candidate":
        yield finding_of(detector, None, fitted.measure(known.case(suspect, None, teachers)))
    if detector.scope == "suspect":
        return
    if not teachers:
        yield finding_of(detector, None, NOBODY)
        return
    asked = {c.name for c in candidates}
    for teacher in (t for t in teachers if t.name in asked):
        background = tuple(t for t in teachers if t is not teacher)
        case = known.case(suspect, teacher, background)
        yield finding_of(detector, teacher.name, fitted.measure(case))


def _report(
    plan: Plan,
    transcript: Transcript,
    models: Shelf,
    looked: Looked,
    candidates: Sequence[Candidate],
    findings: tuple[Finding, ...],
    skipped: tuple[Skipped, ...],
    base: Base | None,
    known: KnownBesides,
    out: Path,
) -> Report:
    scores, kin = known.scores, known.kin
    stored = tuple(models.records.values())
    copied = _base_answers(base, [models.teacher(c.name) for c in candidates])
    related = kinship(plan, transcript.identity, base, kin, candidates, stored, copied)
    shared = PromptsShared.of(transcript, looked.others(transcript))
    case = weigh_case(
        plan.calibration,
        findings,
        candidates,
        transcript,
        {t.name: t.vendor for t in looked.teachers},
        # Who was named was not chosen for likeness.
        () if plan.candidates else looked.guests,
        0 if plan.candidates else len(models.records) - len(looked.teachers),
        related,
        plan.candidates,
        shared,
    )
    store = store_section(plan.store, models.store, looked.choice)
    compared = any(f.counts_prompts and f.candidate is not None for f in findings)
    says_it_is = identity_told(transcript, plan.vendor, StyleUse.of_shared(shared, compared))
    return build_report(
        plan,
        transcript,
        [store.sha256],
        [kin.section, says_it_is.section],
        beside=_compared(candidates, base, scores),
        headline=says_it_is.headline,
        answers=answers(
            transcript,
            candidates,
            case.findings,
            case.verdicts,
            kin.answer,
            related,
            max(0, len(models.groups) - len(groups_of(candidates))),
        ),
        candidates=tuple(candidates),
        store=store,
        base=base.section(transcript) if base else None,
        calibration=case.section,
        scores=scores_section(scores),
        findings=(*case.findings, *kin.findings),
        skipped=(*skipped, *kin.skipped),
        verdicts=(*case.verdicts, *kin.verdicts),
        sensitivity=_without(plan, transcript, looked.others(transcript), candidates, case, known),
        limits=(
            *limits(
                transcript,
                candidates,
                findings,
                case.section,
                store,
                related if plan.asks_inheritance else None,
                len(groups_of(candidates)) if plan.candidates else 0,
                case.verdicts,
            ),
            *case.unread,
            *kin.limits,
        ),
        alternatives=alternatives(),
        reproduce=reproduction(
            plan, base is not None and base.origin != "store", bool(scores.rows), out
        ),
    )


def _without(
    plan: Plan,
    transcript: Transcript,
    others: Sequence[Teacher],
    candidates: Sequence[Candidate],
    case: WeighedCase,
    known: KnownBesides,
) -> Sensitivity | None:
    """The verdicts once more without each piece that they rest on."""
    return sensitivity(
        JudgedAnswers(
            plan,
            transcript,
            tuple(others),
            case,
            lambda name, said: tuple(
                _examine(load_detector(name), said, others, candidates, known)
            ),
        )
    )


def _compared(
    candidates: Sequence[Candidate], base: Base | None, scores: Scores
) -> dict[str, Identity]:
    """Everybody whose answers or scores stand beside the suspect's, by name."""
    beside = {c.name: c.identity for c in candidates} | dict(scores.scorers)
    if base is not None:
        beside[base.teacher.name] = base.teacher.transcript.identity
    return beside


def _base_answers(base: Base | None, teachers: Sequence[Teacher]) -> frozenset[str]:
    """The stored models whose answers nearly all of the base's are, word for word; the store's own
    base aside, which is one of them."""
    if base is None or base.origin == "store":
        return frozenset()
    said = _said(base.teacher.transcript)
    asked = {prompt for prompt, _ in said}
    shared = {t.name: len(asked & {p for p, _ in _said(t.transcript)}) for t in teachers}
    return frozenset(
        t.name
        for t in teachers
        if shared[t.name] >= FEWEST_EQUAL and _identical(said, t) >= MOSTLY_EQUAL * shared[t.name]
    )


def _identical(said: set[tuple[str, str]], teacher: Teacher) -> int:
    """How many prompts both answered in the very same words."""
    return len({prompt for prompt, _ in said & _said(teacher.transcript)})


def _said(transcript: Transcript) -> set[tuple[str, str]]:
    """Every prompt's digest with an answer to it, white space around it removed."""
    asked = {key: probe.prompt_sha256() for key, probe in transcript.probes.items()}
    return {(asked[r.probe_id], r.answer.strip()) for r in transcript.replies if r.answered}
