"""Registering a plan before the suspect is asked, and listing every deviation from it afterwards.

What is registered: the plan, the thresholds of the verbal scale, and digests of the code, the probe
sets, the calibrations and the store. Knows plans and digests; asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audits.frame import open_store
from auditor.audits.plan import AuditPlan
from auditor.calibration.case import calibrations
from auditor.code import codes
from auditor.evidence.custody import AskedWhen, Deviation, Registration
from auditor.evidence.weight import SCALE, SUPPORTED
from auditor.sealing.digests import digest_of
from auditor.sealing.envelopes import payload_of, signers_of
from auditor.sealing.plans import plan_in
from auditor.sealing.reading import statement_of, why
from auditor.sealing.records import (
    ATTESTATIONS,
    REGISTERED,
    Attestation,
    ChainEntry,
    RegisteredPredicate,
    Statement,
    payload_digest,
)
from auditor.sealing.signing import Signing
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.errors import MalformedInput, UsageProblem, VerificationFailed
from fingerprints.probes import ProbeChoice, reference
from fingerprints.record_files import write_record
from fingerprints.records import canonical_json
from fingerprints.transcript import load_transcript


@dataclass(frozen=True)
class Registered:
    """A registration that was read: its statement's digest, who signed it, what it says, and the
    signed entry itself with its time stamps."""

    sha256: str
    keys: tuple[str, ...]
    told: RegisteredPredicate
    entry: ChainEntry


def register(plan_file: Path, out: Path, signing: Signing, by: str = "") -> Attestation:
    """Signs what decides an audit and writes it to ``out``. Raises UsageProblem for a file that is
    there, MalformedInput for no plan of any kind, and what `Signing.entry` raises."""
    if out.exists():
        raise UsageProblem(
            "a file is there already", where=out, next_step="name another with --out"
        )
    plan = plan_in(plan_file)
    told = RegisteredPredicate(
        **decided_by(plan),
        registered=timestamp(),
        registered_by=by,
        tool=f"distillation-auditor {VERSION}",
    )
    files = (digest_of(plan_file, plan_file.name),)
    made = Attestation(chain=(signing.entry(Statement.about(files, REGISTERED, told)),))
    write_record(out, made, by_alias=True, exclude_none=True)
    return made


def decided_by(plan: AuditPlan) -> dict[str, Any]:
    """All that decides an audit by this plan here and now, as the fields of a registration."""
    told = plan.told()
    place = told.get("store")
    return {
        "plan": told,
        **fixed(),
        "probe_sets": dict(_probe_sets(told)),
        "calibrations": tuple(calibrations_of(told.get("calibration"))),
        "store": _store(place) if isinstance(place, str) else None,
    }


def fixed() -> dict[str, Any]:
    """What this code decides for every audit: the thresholds of the verbal scale, and itself."""
    return {
        "thresholds": {word: bound for bound, word in SCALE} | {"supported": SUPPORTED},
        "code": codes(),
    }


def calibrations_of(choice: object) -> list[str]:
    """The digests of the calibrations that a plan's choice stands for, in order."""
    known = calibrations(choice) if isinstance(choice, str) else ()
    return sorted(c.digest() for c in known)


def _store(place: str) -> str:
    with open_store(place) as store:
        return store.digest()


def _probe_sets(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for choice in told.get("probes") or ():
        yield probe_set_sha256(ProbeChoice.model_validate(choice))


def probe_set_sha256(choice: ProbeChoice) -> tuple[str, str]:
    """A probe set's name and digest."""
    found = choice.load()
    return found.name, reference(found).sha256


def read_registration(path: Path) -> Registered:
    """A registration, with its signatures checked. Raises MalformedInput for none, and
    VerificationFailed where a signature does not hold."""
    held = ATTESTATIONS.read(path)
    try:
        payload = payload_of(held.chain[0])
        statement = statement_of(payload)
        if statement.predicate_type != REGISTERED or len(held.chain) != 1:
            raise ValueError("it registers no plan")
        told = RegisteredPredicate.model_validate(statement.predicate)
    except ValueError as error:
        raise MalformedInput(
            f"not a registration: {why(error)}",
            where=path,
            next_step="use what `auditor plan register` wrote",
        ) from error
    right, wrong = signers_of(held.chain[0], ())
    if wrong or not right:
        raise VerificationFailed(
            "a signature of the registration does not hold",
            where=path,
            next_step="use the untouched file",
        )
    return Registered(payload_digest(payload), tuple(sorted(right)), told, held.chain[0])


def compared(made: Registered, plan: AuditPlan, transcript: Path | None) -> Registration:
    """What an audit by ``plan`` owes to its registration: every deviation, and whether the suspect
    was asked after it."""
    found = deviations(made, decided_by(plan))
    return Registration(
        sha256=made.sha256,
        registered=made.told.registered,
        by=made.told.registered_by,
        keys=made.keys,
        asked=_asked(made.told.registered, transcript),
        deviations=tuple(found),
    )


def deviations(made: Registered, now: Mapping[str, Any]) -> list[Deviation]:
    """Every difference between what was registered and some of the parts of what decided the
    audit."""
    before = made.told.model_dump(mode="json")
    return [d for key in now for d in _deviations(key, before[key], _plain(now[key]))]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _deviations(place: str, was: Any, now: Any) -> Iterator[Deviation]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _deviations(f"{place}.{key}", was.get(key), now.get(key))
    elif was != now:
        yield Deviation(field=place, registered=_json(was), run=_json(now))


def _json(value: Any) -> str | None:
    return None if value is None else canonical_json(value).decode("utf-8")


def _asked(registered: str, transcript: Path | None) -> AskedWhen:
    if transcript is None or not transcript.is_file():
        return "unknown"
    header = load_transcript(transcript).header
    if header.identity.kind == "recording" or not header.created:
        return "unknown"
    return "after" if header.created >= registered else "before"
