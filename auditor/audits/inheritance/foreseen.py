"""What recorded answers can be measured by, before an audit of them: how many prompts they share
with the stored models, which of the plan's detectors give a value, and which others find what they
need.

Reads records and weighs nothing. The plan's own detectors measure, as in the audit, since only they
know how many answers are enough; of the others it is only looked whether a case holds what they
need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auditor.audits.inheritance.candidates import looked_at
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import Shelf
from detectors.base import Detector
from detectors.case import Case, Teacher
from detectors.measurement import NotMeasured
from detectors.needs import Need, lacking
from detectors.registry import detector_names, load_detector
from fingerprints.records import Record
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

FROM_MODELS = {Need.BASE, Need.BASE_SCORES, Need.SUSPECT_SCORES, Need.TEACHER_SCORES}
"""What no recording holds: it comes from models that are asked during the audit."""


class Foreseen(Record):
    """What one detector finds among recorded answers: with how many of the candidates, and why not
    with the others. ``chosen``: it is the plan's, and was tried; else it was only looked whether it
    finds what it needs. ``if_asked``: provided that the models which the plan names answer, without
    which it could not be tried."""

    detector: str
    chosen: bool
    candidates: int
    of: int
    if_asked: bool = False
    reason: str = ""


class ForeseenAudit(Record):
    """What an audit of recorded answers has to go by. ``shared``: prompts that each stored model
    answered too, most first."""

    answers: int
    readable: int
    prompts: int
    shared: dict[str, int]
    detectors: tuple[Foreseen, ...]

    def lines(self) -> Iterator[str]:
        """The same for people, a line a fact."""
        said = f"{self.readable} readable answers of {self.answers}"
        yield f"recorded: {said}, to {self.prompts} prompts"
        some = {name: n for name, n in self.shared.items() if n}
        named = ", ".join(f"{name} {n}" for name, n in list(some.items())[:SHOWN])
        more = f" and {len(some) - SHOWN} more" if len(some) > SHOWN else ""
        yield f"prompts shared with {len(some)} of {len(self.shared)} stored models: {named}{more}"
        for found in (d for d in self.detectors if d.candidates):
            most = f"{found.detector}, with {found.candidates} of {found.of} candidates"
            if not found.chosen:
                yield f"finds what it needs, and is not chosen (--detectors): {most}"
            elif found.if_asked:
                yield f"may be measured, if the models that the plan names answer: {most}"
            else:
                yield f"can be measured: {most}"
        for found in (d for d in self.detectors if d.chosen and d.candidates < d.of):
            rest = "" if not found.candidates else f" with {found.of - found.candidates}"
            yield f"can't be measured{rest}: {found.detector}: {found.reason}"


SHOWN = 8


def foreseen(plan: Plan, models: Shelf) -> ForeseenAudit:
    """What the plan's recorded suspect can be measured by. Raises what opening it and the store
    raise, as the audit would."""
    with open_subject(plan.suspect) as subject:
        said = subject.recorded()
    looked = looked_at(models, plan, said)
    others = looked.others(said)
    asked = {record.name for record in looked.records}
    shared = models.store.shared_prompts(said)
    ordered = sorted(models.records, key=lambda name: (-shared.get(name, 0), name))
    return ForeseenAudit(
        answers=len(said.replies),
        readable=sum(reply.readable for reply in said.replies),
        prompts=len({probe.prompt_sha256() for probe in said.probes.values()}),
        shared={name: shared.get(name, 0) for name in ordered},
        detectors=tuple(_foreseen(plan, said, others, asked)),
    )


def _foreseen(
    plan: Plan, said: Transcript, others: Sequence[Teacher], asked: Iterable[str]
) -> Iterator[Foreseen]:
    names = [*plan.detectors, *(n for n in detector_names() if n not in plan.detectors)]
    for name in names:
        detector = load_detector(name)
        chosen = name in plan.detectors
        if not chosen and (detector.question == "service" or Need.SHADOWS in detector.needs):
            continue  # other commands ask for what these need
        yield _of(detector, name, chosen, plan, said, [*others], frozenset(asked))


def _of(
    detector: Detector,
    name: str,
    chosen: bool,
    plan: Plan,
    said: Transcript,
    others: list[Teacher],
    asked: frozenset[str],
) -> Foreseen:
    models_named = plan.base is not None or bool(plan.teachers) or plan.scores is not None
    needs = [n for n in detector.needs if not (models_named and n in FROM_MODELS)]
    cases = [Case(said, None, tuple(others), vendor=plan.vendor)]
    if detector.scope != "suspect":
        cases = [
            Case(said, t, tuple(o for o in others if o is not t), vendor=plan.vendor)
            for t in others
            if t.name in asked
        ]
    if_asked = len(needs) < len(detector.needs)
    if chosen and not if_asked and cases:
        fitted = detector.fit(others, said)
        told: list[object] = [fitted.measure(case) for case in cases]
    else:
        told = [lacking(needs, case) for case in cases]
    reasons = [found.reason for found in told if isinstance(found, NotMeasured)]
    return Foreseen(
        detector=name,
        chosen=chosen,
        candidates=len(cases) - len(reasons),
        of=len(cases),
        if_asked=if_asked,
        reason=reasons[0] if reasons else "" if cases else "the store holds no other model",
    )
