"""What a seal says, as records: an in-toto Statement v1 with predicates of ours, in DSSE
envelopes, one after the other in attestation.json.

Each entry of the chain names the digest of the statement before it. Knows no file, no key and no
library of signatures.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from auditor.sealing.digests import FileDigest, RecordDigest
from fingerprints.record_files import RecordFile
from fingerprints.records import Record, canonical_json, sha256

STATEMENT: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
OURS = "https://distillation-auditor.example/attestations"
SEAL, ADDED, REGISTERED = f"{OURS}/seal/v1", f"{OURS}/added/v1", f"{OURS}/registered/v1"


class DigestSet(Record):
    """A digest as in-toto writes it."""

    sha256: str


class Sealed(Record):
    """Something that a statement is about: its name, and the digest of its bytes."""

    name: str
    digests: DigestSet = Field(alias="digest")


class FileRecords(Record):
    """A sealed file's size and records."""

    name: str
    size: int
    records: tuple[RecordDigest, ...] = ()


class SealPredicate(Record):
    """What was sealed: which report, when by this machine's clock, by whom as given, with which
    version and which code (digests by package), and every file's records."""

    report: str
    report_created: str
    report_tool: str
    sealed: str
    sealed_by: str = ""
    tool: str
    code: dict[str, str] = Field(default_factory=dict)
    files: tuple[FileRecords, ...]


class AddedPredicate(Record):
    """What was added to a sealed report: who gave it when and why, as given; what its file was
    called; and the digest of the statement before, which makes the chain."""

    number: int
    who: str
    why: str
    added: str
    was_called: str
    previous: str


class RegisteredPredicate(Record):
    """A plan as it was registered, before the suspect is asked: its values, the verbal scale with
    its thresholds, digests of the toolkit's code, of the probe sets, of the calibrations that it
    may choose from and of the store; when by this machine's clock and by whom, as given."""

    plan: dict[str, Any]
    thresholds: dict[str, float]
    code: dict[str, str]
    probe_sets: dict[str, str]
    calibrations: tuple[str, ...]
    store: str | None
    registered: str
    registered_by: str = ""
    tool: str


class Statement(Record):
    """An in-toto Statement v1."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(STATEMENT, alias="_type")
    subject: tuple[Sealed, ...]
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]

    @classmethod
    def about(cls, files: tuple[FileDigest, ...], kind: str, predicate: Record) -> Statement:
        """What is said of some files."""
        subject = tuple(Sealed(name=f.name, digest=DigestSet(sha256=f.sha256)) for f in files)
        told = predicate.model_dump(mode="json")
        return cls(subject=subject, predicateType=kind, predicate=told)

    def payload(self) -> bytes:
        """Its canonical bytes, which are signed."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


class EnvelopeSignature(Record):
    """One signature of an envelope: the signer's key id, the signature in base64, and of GnuPG's
    what else was signed with it."""

    keyid: str
    sig: str
    other_headers: str | None = None


class DsseEnvelope(Record):
    """A DSSE envelope: the payload in base64, its type, and who signed it."""

    payload: str
    payload_type: Literal["application/vnd.in-toto+json"] = Field(PAYLOAD_TYPE, alias="payloadType")
    signatures: tuple[EnvelopeSignature, ...]


class ChainEntry(Record):
    """One statement with its signatures; by key id the public keys that are said to be the
    signers', and the RFC 3161 answers over their signatures (DER in base64). ``sigstore`` is a
    Sigstore bundle over the same statement."""

    envelope: DsseEnvelope
    keys: dict[str, dict[str, Any]] = Field(default_factory=dict)
    timestamps: dict[str, str] = Field(default_factory=dict)
    sigstore: dict[str, Any] | None = None


class Attestation(Record):
    """attestation.json: the seal, then what was added, in order."""

    format: Literal["attestation/1"] = "attestation/1"
    chain: tuple[ChainEntry, ...] = Field(min_length=1)


ATTESTATIONS = RecordFile(
    Attestation,
    nothing="not a seal",
    next_step="use the untouched attestation.json",
    largest=512_000_000,
)


def payload_digest(payload: bytes) -> str:
    """What the next entry of a chain names the one before by."""
    return sha256(payload)
