"""What stands in an attestation: its statements, which files they are about, and the digest of the
newest. Checks forms, not signatures."""

from __future__ import annotations

from pydantic import ValidationError

from auditor.audits.report.bundle import ADDED_FILE
from auditor.sealing.digests import FileDigest
from auditor.sealing.envelopes import payload_of
from auditor.sealing.records import (
    ADDED,
    SEAL,
    AddedPredicate,
    Attestation,
    SealPredicate,
    Statement,
    payload_digest,
)
from fingerprints.errors import MalformedInput


def statement_of(payload: bytes) -> Statement:
    """The statement of a payload. Raises ValueError for none, and for bytes that are not its
    canonical ones."""
    made = Statement.model_validate_json(payload)
    if made.payload() != payload:
        raise ValueError("the statement is not in canonical form")
    return made


def seal_told(attestation: Attestation) -> tuple[Statement, SealPredicate]:
    """The seal. Raises ValueError for a first entry that is none."""
    statement = statement_of(payload_of(attestation.chain[0]))
    if statement.predicate_type != SEAL:
        raise ValueError("the first entry is no seal")
    return statement, SealPredicate.model_validate(statement.predicate)


def added_told(attestation: Attestation) -> list[tuple[Statement, AddedPredicate]]:
    """What was added, in order. Raises ValueError for an entry that is none, and for one that is
    about a file that was there already: it would stand for other bytes than were sealed."""
    out = []
    for entry in attestation.chain[1:]:
        statement = statement_of(payload_of(entry))
        if statement.predicate_type != ADDED or len(statement.subject) != 1:
            raise ValueError("a later entry adds no file")
        told = AddedPredicate.model_validate(statement.predicate)
        if not statement.subject[0].name.startswith(added_name(told.number)):
            raise ValueError("a later entry is about another file than the one that it adds")
        out.append((statement, told))
    return out


def added_name(number: int) -> str:
    """How the file of a later entry is called, but for its ending."""
    return f"{ADDED_FILE}{number:04d}"


def sealed_files(attestation: Attestation) -> list[FileDigest]:
    """The files that were sealed. Raises MalformedInput for a seal that can't be read."""
    try:
        statement, told = seal_told(attestation)
        return _files(statement, told)
    except ValueError as error:
        raise _unreadable(error) from error


def _files(statement: Statement, told: SealPredicate) -> list[FileDigest]:
    sizes = {f.name: f for f in told.files}
    if [s.name for s in statement.subject] != [f.name for f in told.files]:
        raise ValueError("the seal's two lists of files differ")
    if len(sizes) != len(told.files):
        raise ValueError("the seal names one file twice")
    return [
        FileDigest(
            name=s.name,
            size=sizes[s.name].size,
            sha256=s.digests.sha256,
            records=sizes[s.name].records,
        )
        for s in statement.subject
    ]


def added_in(attestation: Attestation) -> list[FileDigest]:
    """The files that were added. Raises MalformedInput for an entry that can't be read."""
    try:
        told = added_told(attestation)
    except ValueError as error:
        raise _unreadable(error) from error
    found = [s.subject[0] for s, _ in told]
    return [FileDigest(name=f.name, size=0, sha256=f.digests.sha256) for f in found]


def known_files(attestation: Attestation) -> list[FileDigest]:
    """The files that were sealed, then those that were added. Raises MalformedInput for a seal that
    can't be read, and for one file told twice: the one would stand for other bytes."""
    found = [*sealed_files(attestation), *added_in(attestation)]
    if len({f.name for f in found}) != len(found):
        raise _unreadable(ValueError("a file that was sealed is said to have been added"))
    return found


def head_of(attestation: Attestation) -> str:
    """The digest of the newest statement, which the next one names. Raises ValueError for one that
    is no base64."""
    return payload_digest(payload_of(attestation.chain[-1]))


def why(error: ValueError) -> str:
    """What is wrong with a statement, in a few words."""
    first = error.errors()[0] if isinstance(error, ValidationError) else None
    return str(error)[:120] if first is None else f"{first['loc']}: {first['msg']}"[:120]


def _unreadable(error: ValueError) -> MalformedInput:
    return MalformedInput(
        f"the seal can't be read: {why(error)}",
        where="attestation.json",
        next_step="use the untouched file",
    )
