"""verify(folder) → Verification: is everything as it was sealed, and who says so? Reads files;
asks nobody, and no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.audits.report.bundle import ATTESTATION, PLAN, REGISTRATION, REPORT, load_bundle
from auditor.code import codes
from auditor.evidence.custody import Registration
from auditor.evidence.records import Report
from auditor.sealing.consistency import inner_problems
from auditor.sealing.deviating import listed_again, of_parts
from auditor.sealing.differing import differences
from auditor.sealing.digests import MOST_FILES, FileDigest, digest_of, names_in
from auditor.sealing.envelopes import payload_of, signature_of, signers_of
from auditor.sealing.findings import (
    Problem,
    ProblemCode,
    SealSigner,
    Unchecked,
    Verification,
)
from auditor.sealing.keys import need_extra
from auditor.sealing.plans import plan_in
from auditor.sealing.reading import (
    added_told,
    head_of,
    known_files,
    seal_told,
    why,
)
from auditor.sealing.records import (
    ATTESTATIONS,
    Attestation,
    ChainEntry,
    SealPredicate,
    payload_digest,
)
from auditor.sealing.register import Registered, read_registration
from auditor.sealing.sigstore_bundle import BundleWrong, SigstoreIdentity, check_bundle
from auditor.sealing.stamps import Stamp, StampWrong, read_stamp
from fingerprints.errors import AuditError, MalformedInput

if TYPE_CHECKING:
    from securesystemslib.signer import Key

Told = Problem | Unchecked | SealSigner


def verify(
    folder: Path,
    trusted: tuple[Key, ...] = (),
    authorities: Path | None = None,
    who: SigstoreIdentity | None = None,
) -> Verification:
    """What is wrong with a sealed report, and what could not be told.

    ``trusted`` are the public keys of which one must have signed every entry; ``authorities`` is a
    file with root certificates (PEM) of time stamps; ``who`` must have signed Sigstore bundles, and
    stands for a trusted key where there is one. An unsealed report is a problem too. Raises
    what an unreadable folder raises.
    """
    if not folder.is_dir():
        raise MalformedInput("no such folder", where=folder, next_step="give a report's folder")
    # Links, pipes and devices are named before anything is opened: reading a pipe would never end.
    _, odd = names_in(folder)
    told: list[Told] = [Problem(code="file_unsafe", file=name) for name in odd]
    if REPORT in odd or ATTESTATION in odd:
        which = REPORT if REPORT in odd else ATTESTATION
        unread = Problem(
            code="report_unreadable" if which == REPORT else "seal_unreadable", file=which
        )
        return _verification([*told, unread], unread)
    report = _report(folder)
    told += [report] if isinstance(report, Problem) else []
    if not (folder / ATTESTATION).exists():
        # Which code made the page is not known: nothing is said against it.
        told += _inner(folder, report, same_code=False, odd=odd)
        return _verification([*told, Problem(code="unsealed")], report)
    need_extra()
    try:
        held = ATTESTATIONS.read(folder / ATTESTATION)
        _, seal = seal_told(held)
        known = known_files(held)
        head = head_of(held)
    except (AuditError, ValueError) as error:
        detail = error.what if isinstance(error, AuditError) else why(error)
        problem = Problem(code="seal_unreadable", file=ATTESTATION, detail=detail)
        return _verification([*told, problem], report)
    same_code = seal.code == codes()
    told += [] if same_code else [Unchecked(code="code")]
    told += _inner(folder, report, same_code, odd)
    trust = Trust(trusted, authorities, who)
    told += _entries(held, trust)
    told += _chain(held)
    told += _same_report(seal, report)
    if REGISTRATION not in odd:
        told += _registration(folder, report, trust, same_code)
    told += _files(folder, known)
    return _verification(told, report, seal, head, len(held.chain) - 1)


def _files(folder: Path, known: Sequence[FileDigest]) -> Iterator[Problem]:
    """What differs from the sealed files. Links, pipes and devices were named already; all else is
    still told."""
    names, odd = names_in(folder)
    if len(names) > MOST_FILES:
        yield Problem(code="file_added", detail=f"more than {MOST_FILES:,} files")
        return
    found = [digest_of(folder / name, name) for name in names]
    yield from differences([f for f in known if f.name not in odd], found)


def _inner(
    folder: Path, report: Report | Problem, same_code: bool, odd: Sequence[str]
) -> Iterator[Told]:
    if not isinstance(report, Problem):
        yield from inner_problems(folder, report, same_code, odd)


def _report(folder: Path) -> Report | Problem:
    try:
        return load_bundle(folder)
    except AuditError as error:
        return Problem(code="report_unreadable", file=REPORT, detail=error.what)


@dataclass(frozen=True)
class Trust:
    """Whose word counts: keys, a file with certificates of time stamps, an identity."""

    keys: tuple[Key, ...]
    authorities: Path | None
    who: SigstoreIdentity | None

    @property
    def anybody(self) -> bool:
        """Whether nobody was named."""
        return not self.keys and self.who is None


def _entries(held: Attestation, trust: Trust) -> Iterator[Told]:
    if trust.anybody:
        yield Unchecked(code="signer")
    for number, entry in enumerate(held.chain):
        place = f"entry {number}"
        right, wrong = signers_of(entry, trust.keys)
        yield from (_wrong("signature_wrong", place, keyid) for keyid in sorted(wrong))
        bundle = list(_sigstore(entry, place, trust))
        yield from bundle
        vouched = entry.sigstore is not None and trust.who is not None and not bundle
        if not (right or wrong or entry.sigstore):
            yield _wrong("signature_wrong", place, "none")
        if not (trust.anybody or vouched or right & {k.keyid for k in trust.keys}):
            yield _wrong("foreign_key", place, ", ".join(sorted(right)) or "nobody")
        for keyid in sorted(right):
            yield from _signer(entry, number, keyid, trust)


def _sigstore(entry: ChainEntry, place: str, trust: Trust) -> Iterator[Told]:
    if entry.sigstore is None:
        return
    try:
        check_bundle(entry.sigstore, payload_of(entry), trust.who)
    except BundleWrong as error:
        yield _wrong("sigstore_wrong", place, str(error))
        return
    if trust.who is None:
        yield Unchecked(code="sigstore", detail=place)


def _signer(entry: ChainEntry, number: int | None, keyid: str, trust: Trust) -> Iterator[Told]:
    """Whose signature holds, and what its time stamp says."""
    place = "the registration" if number is None else f"entry {number}"
    stamp = entry.timestamps.get(keyid)
    found: Stamp | None = None
    if stamp is None:
        yield Unchecked(code="time", detail=place)
    else:
        try:
            found = read_stamp(stamp, signature_of(entry, keyid), trust.authorities)
        except StampWrong as error:
            file = REGISTRATION if number is None else ATTESTATION
            yield Problem(code="timestamp_wrong", file=file, record=place, detail=str(error))
    if found is not None and not found.trusted:
        yield Unchecked(code="time_authority", detail=place)
    yield SealSigner(
        keyid=keyid,
        trusted=keyid in {k.keyid for k in trust.keys},
        entry=number,
        time=None if found is None else found.time,
        time_trusted=found is not None and found.trusted,
    )


def _wrong(code: ProblemCode, place: str, detail: str) -> Problem:
    return Problem(code=code, file=ATTESTATION, record=place, detail=detail)


def _chain(held: Attestation) -> Iterator[Problem]:
    """Whether every entry names the one before, and no file was added twice."""
    previous = payload_digest(payload_of(held.chain[0]))
    for number, (statement, told) in enumerate(added_told(held), 1):
        if told.previous != previous or told.number != number:
            yield Problem(code="chain_broken", file=ATTESTATION, record=f"entry {number}")
        previous = payload_digest(statement.payload())


def _same_report(seal: SealPredicate, report: Report | Problem) -> Iterator[Problem]:
    if isinstance(report, Problem):
        return
    if (report.id, report.created) != (seal.report, seal.report_created):
        age = "an earlier" if report.created < seal.report_created else "another"
        detail = f"{age} one: {report.id} of {report.created}, sealed was {seal.report}"
        detail += f" of {seal.report_created}"
        yield Problem(code="other_report", file=REPORT, detail=detail)


def _registration(
    folder: Path, report: Report | Problem, trust: Trust, same_code: bool
) -> Iterator[Told]:
    """Whether the registration that the report was compared with is the one beside it, whether the
    report tells of it what it says, and by whom it was signed, and when."""
    if isinstance(report, Problem) or report.custody is None:
        return
    named = report.custody.registration
    if named is None:
        return
    try:
        found = read_registration(folder / REGISTRATION)
    except AuditError as error:
        yield Problem(code="registration_differs", file=REGISTRATION, detail=error.what)
        return
    if found.sha256 != named.sha256:
        yield Problem(code="registration_differs", file=REGISTRATION)
    yield from _told_of(folder, found, named, report if same_code else None)
    for keyid in found.keys:
        yield from _signer(found.entry, None, keyid, trust)
    if trust.keys and not set(found.keys) & {k.keyid for k in trust.keys}:
        yield Problem(code="foreign_key", file=REGISTRATION, detail=", ".join(found.keys))


def _told_of(
    folder: Path, found: Registered, named: Registration, report: Report | None
) -> Iterator[Problem | Unchecked]:
    """Whether who registered when, and what differs, is what the report says. Of another version
    of the code (``report`` is None) a plan may have other fields."""
    said = (named.registered, named.by, named.keys)
    if said != (found.told.registered, found.told.registered_by, found.keys):
        detail = "who registered it, or when, is not what the report says"
        yield Problem(code="registration_differs", file=REPORT, record="custody", detail=detail)
    if report is None:
        return
    try:
        listed, untold = listed_again(found, plan_in(folder / PLAN), report)
    except AuditError as error:
        yield Problem(code="registration_differs", file=PLAN, detail=error.what)
        return
    if set(listed) != set(of_parts(named.deviations, untold)):
        detail = "the deviations are not those that the report lists"
        yield Problem(code="registration_differs", file=REPORT, record="custody", detail=detail)
    yield from (Unchecked(code="deviation", detail=name.replace("_", " ")) for name in untold)


def _verification(
    told: Iterable[Told],
    report: Report | Problem,
    seal: SealPredicate | None = None,
    head: str | None = None,
    added: int = 0,
) -> Verification:
    found = list(told)
    problems = tuple(t for t in found if isinstance(t, Problem))
    return Verification(
        intact=not problems,
        sealed=None if seal is None else seal.sealed,
        report=None if isinstance(report, Problem) else report.id,
        head=head,
        added=added,
        signers=tuple(t for t in found if isinstance(t, SealSigner)),
        problems=problems,
        unchecked=tuple(t for t in found if isinstance(t, Unchecked)),
    )
