"""The suspect's base: the model that it started from, found, and asked what the suspect was asked.

Knows where a base may come from (the user, the suspect's own spec, the store) and says which it
was; judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import Shelf
from auditor.evidence.codes import BaseOrigin
from auditor.evidence.records import BaseSection
from detectors.base import Need, Teacher
from detectors.registry import load_detector
from fingerprints.collect import collect, copied
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import bundled_probe_sets, load_probe_set, reference
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Arm, Identity, Probe, ProbeSet
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript

BASE = "base.jsonl"
"""The base's answers, beside the suspect's: resumed like them."""
LONGEST_ANSWER = 256
"""Tokens of an answer to a recorded probe whose set is not at hand."""


@dataclass(frozen=True)
class Base:
    """The base with its answers, where it was found, and the spec that opens it again (None
    where only the store has it)."""

    teacher: Teacher
    origin: BaseOrigin
    spec: str | None = None

    def section(self, suspect: Transcript) -> BaseSection:
        """The base as a report tells it."""
        said, identity = self.teacher.transcript, self.teacher.transcript.identity
        ours = {suspect.probes[r.probe_id].prompt_sha256() for r in suspect.replies if r.readable}
        theirs = {said.probes[r.probe_id].prompt_sha256() for r in said.replies if r.readable}
        return BaseSection(
            name=self.teacher.name,
            spec=self.spec,
            identity=identity,
            origin=self.origin,
            by_digest=is_below(suspect.identity, identity),
            n_answers=len(said.replies),
            n_shared=len(ours & theirs),
            answers_sha256=said.digest(),
            complete=said.complete,
        )


def is_below(suspect: Identity, base: Identity) -> bool:
    """Whether the suspect is an adapter on weights that are byte-identical to the base's, by
    their digests."""
    return bool(
        suspect.adapter_sha256
        and base.adapter_sha256 is None
        and base.weights_sha256 is not None
        and suspect.weights_sha256 == base.weights_sha256
    )


def base_spec(plan: Plan) -> tuple[str, BaseOrigin] | None:
    """The spec of the base and who named it: the user, or a suspect's spec that is an adapter on
    a base; None for neither."""
    if plan.base is not None:
        return plan.base, "user"
    suspect = parse_spec(plan.suspect)
    if "adapter" not in suspect.options:
        return None
    below = {key: value for key, value in suspect.options.items() if key != "adapter"}
    return str(replace(suspect, options=below)), "adapter"


def reads_base(names: Sequence[str]) -> bool:
    """Whether one of these detectors reads the base's answers."""
    return any(Need.BASE in load_detector(name).needs for name in names)


def find_base(
    plan: Plan,
    suspect: Transcript,
    models: Shelf,
    out: Path,
    asking: Progress = SILENT,
    kin: str | None = None,
    heard: Mapping[str, Transcript] | None = None,
) -> Base | None:
    """The suspect's base with its answers, or None where nobody says which it is.

    A base that the user named is always asked (into ``out/base.jsonl``, resumable). Else the stored
    model whose weights the suspect is an adapter on, at no cost; else, for an adapter, the model
    that it lies on, where a detector reads its answers; else ``kin``, the base that its weights
    were found to be derived from. Nobody is asked whose answers are ``heard``, by spec. Raises
    UsageProblem where the base is the suspect itself, and the errors of `open_subject` and
    `collect`.
    """
    said = heard or {}
    named = base_spec(plan)
    if named is not None and named[1] == "user":
        return _asked(plan, named[0], "user", suspect, models, out, asking, said)
    known = models.records.values()
    stored = next((t for t in known if is_below(suspect.identity, t.identity)), None)
    if stored is not None:
        return Base(models.teacher(stored.name), "store", named[0] if named else None)
    if named is not None and reads_base(plan.detectors):
        return _asked(plan, named[0], "adapter", suspect, models, out, asking, said)
    if named is None and kin is not None:
        return _asked(plan, kin, "lineage", suspect, models, out, asking, said)
    return None


def _asked(
    plan: Plan,
    spec: str,
    origin: BaseOrigin,
    suspect: Transcript,
    models: Shelf,
    out: Path,
    asking: Progress,
    heard: Mapping[str, Transcript],
) -> Base:
    if spec in heard:
        _refuse_itself(heard[spec].identity, suspect, spec)
        transcript = copied(heard[spec], out / BASE)
    else:
        with open_subject(spec) as subject:
            _refuse_itself(subject.identity, suspect, spec)
            transcript = collect(
                subject,
                asked_again(plan.probe_sets(), suspect),
                suspect.header.sampling,
                out / BASE,
                asking,
            )
    if not any(r.readable for r in transcript.replies):
        raise MalformedInput(
            "the base gave no readable answer",
            where=printable(spec, 100),
            next_step="check --base, or leave it out",
        )
    stored = models.records.values()
    known = next((t for t in stored if transcript.identity.same_weights(t.identity)), None)
    name, vendor, family = (
        (known.name, known.vendor, known.family) if known else (transcript.identity.name, "", "")
    )
    return Base(Teacher(name, vendor, family, transcript), origin, spec)


def _refuse_itself(base: Identity, suspect: Transcript, spec: str) -> None:
    if base.same_weights(suspect.identity):
        raise UsageProblem(
            "the base is the suspect itself: equal weight digests",
            where=printable(spec, 100),
            next_step="name the model that the suspect was tuned from with --base",
        )


def asked_again(planned: list[ProbeSet], suspect: Transcript) -> list[ProbeSet]:
    """The probe sets that ask a base what the suspect was asked.

    The planned ones where they are what the transcript holds; for recorded answers the sets that
    the recording names, in the arms that it has (its own where they are unknown), and whatever else
    it asked as one more set.
    """
    if {p.id: p.digest() for s in planned for p in s.probes} == {
        i: p.digest() for i, p in suspect.probes.items()
    }:
        return planned
    arms: dict[str, set[Arm]] = {}
    for reply in suspect.replies:
        arms.setdefault(reply.probe_id, set()).add(
            Arm.OWN if reply.arm is Arm.RECORDED else reply.arm
        )
    left = {i: p for i, p in suspect.probes.items() if i in arms}
    sets = []
    for known in _named_sets(suspect):
        asked = [p for p in known.probes if p.id in left and left[p.id].digest() == p.digest()]
        left = {i: p for i, p in left.items() if i not in {p.id for p in asked}}
        if asked:
            sets.append(_part(known, asked, arms))
    if left:
        rest = ProbeSet(
            name="recorded", version="1", max_tokens=LONGEST_ANSWER, probes=tuple(left.values())
        )
        sets.append(_part(rest, list(left.values()), arms))
    return sets


def _named_sets(suspect: Transcript) -> list[ProbeSet]:
    names = [ref for ref in suspect.header.probe_sets if ref.name in bundled_probe_sets()]
    sets = [(ref, load_probe_set(ref.name)) for ref in names]
    return [whole for ref, whole in sets if reference(whole).sha256 == ref.sha256]


def _part(whole: ProbeSet, probes: list[Probe], arms: dict[str, set[Arm]]) -> ProbeSet:
    seen = set().union(*(arms[p.id] for p in probes))
    changes: dict[str, object] = {
        "probes": tuple(probes),
        "arms": tuple(a for a in Arm if a in seen),
    }
    if len(probes) < len(whole.probes):
        changes["whole"] = whole.whole or whole.digest()
    return whole.model_copy(update=changes)
