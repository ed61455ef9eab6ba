"""How every verdict of an audit fares without one detector, one set of prompts, one lineage of the
calibration. Judges what was recorded again; asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.audits.inheritance.plan import Plan
from auditor.calibration.case import WeighedCase
from auditor.calibration.sensitivity import (
    Weighing,
    compared,
    without_detectors,
    without_lineages,
)
from auditor.evidence.records import Finding, Skipped, Verdict
from auditor.evidence.sensitivity import Sensitivity, WithoutPiece
from detectors.base import Need, Teacher
from detectors.needs import KINDS
from detectors.prompts_shared import PromptsShared
from detectors.registry import load_detector
from fingerprints.records import Probe, ProbeSet
from fingerprints.transcript import Transcript

Measure = Callable[[str, Transcript], Sequence[Finding | Skipped]]
"""A detector by name and what the suspect said, in; what it finds of every candidate, out."""

RECORDED = "recorded"
"""What prompts are called that belong to no set."""


@dataclass(frozen=True)
class JudgedAnswers:
    """What an audit judged: the plan and the answers, with what was found, and who can measure
    again."""

    plan: Plan
    suspect: Transcript
    others: tuple[Teacher, ...]
    case: WeighedCase
    measure: Measure


def sensitivity(judged: JudgedAnswers) -> Sensitivity | None:
    """All verdicts with one piece left out at a time; None where no ratio was given. Deterministic.

    A set of prompts that no detector reads which counted is no piece: nothing would be left out.
    """
    case, told = judged.case, judged.case.verdicts
    if case.weighing is None or not any(v.assessed and v.exact is None for v in told):
        return None
    counted = {p.detector for v in told for p in v.parts}
    read = _read_sets(judged, counted)
    rows: list[WithoutPiece] = list(without_detectors(case.weighing, case.findings, told))
    for name, left in read.items():
        again = _without_prompts(judged, case.weighing, left, counted)
        rows += compared("prompts", name, told, again)
    rows += without_lineages(case.weighing, case.findings, told)
    return Sensitivity(
        detectors=tuple(sorted(counted)),
        prompts=tuple(read),
        lineages=case.weighing.lineages,
        rows=tuple(rows),
    )


def _read_sets(judged: JudgedAnswers, detectors: set[str]) -> dict[str, frozenset[str]]:
    """The sets of prompts that any of the detectors reads, each with the ids of its prompts."""
    sets = prompt_sets(judged.plan.probe_sets(), judged.suspect)
    probes = judged.suspect.probes
    wanted = [_reads(name) for name in sorted(detectors)]
    return {
        name: ids
        for name, ids in sets.items()
        if any(reads(probes[i]) for i in ids for reads in wanted)
    }


def prompt_sets(sets: Sequence[ProbeSet], suspect: Transcript) -> dict[str, frozenset[str]]:
    """The ids of the prompts of each set that the suspect was asked; those of no set of the plan
    are one by themselves, as the answers of others are."""
    of = {(p.id, p.prompt_sha256()): known.name for known in sets for p in known.probes}
    refs = suspect.header.probe_sets
    rest = refs[0].name if len(refs) == 1 else RECORDED
    found: dict[str, set[str]] = {}
    for key, probe in suspect.probes.items():
        found.setdefault(of.get((probe.id, probe.prompt_sha256()), rest), set()).add(key)
    return {name: frozenset(ids) for name, ids in sorted(found.items())}


def _reads(detector: str) -> Callable[[Probe], bool]:
    """Which prompts a detector reads, by what it needs; all where it names no kind."""
    needs = set(load_detector(detector).needs)
    if Need.STYLE in needs:
        return lambda probe: probe.shows_style
    kinds = {kind for need, kind in KINDS.items() if need in needs}
    return (lambda probe: probe.kind in kinds) if kinds else (lambda _: True)


def _without_prompts(
    judged: JudgedAnswers, weighing: Weighing, left: frozenset[str], detectors: set[str]
) -> Sequence[Verdict]:
    """The verdicts without some prompts: who reads any of them measures again, the others' findings
    stand."""
    suspect = without_prompts(judged.suspect, left)
    probes = judged.suspect.probes
    anew = {d for d in detectors if any(_reads(d)(probes[i]) for i in left)}
    findings = [f for f in judged.case.findings if f.detector not in anew]
    findings += _measured(judged.measure, sorted(anew), suspect)
    return weighing.verdicts(findings, shared=PromptsShared.of(suspect, judged.others))


def _measured(measure: Measure, names: Sequence[str], suspect: Transcript) -> Iterator[Finding]:
    if not any(r.readable for r in suspect.replies):
        return
    for name in names:
        yield from (f for f in measure(name, suspect) if isinstance(f, Finding))


def without_prompts(suspect: Transcript, left: frozenset[str]) -> Transcript:
    """What was said, but for the prompts of these ids."""
    kept: Mapping[str, Probe] = {k: p for k, p in suspect.probes.items() if k not in left}
    replies = tuple(r for r in suspect.replies if r.probe_id not in left)
    return replace(suspect, probes=kept, replies=replies)
