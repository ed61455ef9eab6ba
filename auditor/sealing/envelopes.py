"""Signing a statement and checking who signed it: DSSE envelopes by securesystemslib.

Knows envelopes and keys; knows nothing of what a statement says.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from auditor.sealing.keys import key_told, told_key
from auditor.sealing.records import (
    PAYLOAD_TYPE,
    ChainEntry,
    DsseEnvelope,
    EnvelopeSignature,
    Statement,
)
from fingerprints.errors import MalformedInput

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Key, Signer


def signed(statement: Statement, signer: Signer) -> ChainEntry:
    """The statement, signed. Raises MalformedInput where the signer can't."""
    from securesystemslib.dsse import Envelope

    return _with_signature(Envelope(statement.payload(), PAYLOAD_TYPE, {}), signer)


def unsigned(statement: Statement) -> ChainEntry:
    """The statement in an envelope that nobody signed yet."""
    payload = base64.b64encode(statement.payload()).decode("ascii")
    return ChainEntry(envelope=DsseEnvelope(payload=payload, signatures=()))


def signed_too(entry: ChainEntry, signer: Signer) -> ChainEntry:
    """The entry with one signature more, over the same statement."""
    added = _with_signature(_envelope(entry), signer)
    keys = {**entry.keys, **added.keys}
    return added.model_copy(
        update={"keys": keys, "timestamps": entry.timestamps, "sigstore": entry.sigstore}
    )


def payload_of(entry: ChainEntry) -> bytes:
    """The signed bytes. Raises ValueError for what is no base64."""
    return base64.b64decode(entry.envelope.payload, validate=True)


def signature_of(entry: ChainEntry, keyid: str) -> bytes:
    """One signature's bytes. Raises ValueError where there is none of the key."""
    found = [s.sig for s in entry.envelope.signatures if s.keyid == keyid]
    if len(found) != 1:
        raise ValueError("not one signature by this key")
    return base64.b64decode(found[0], validate=True)


def signers_of(entry: ChainEntry, trusted: tuple[Key, ...]) -> tuple[set[str], set[str]]:
    """Ids of the keys whose signatures are right, and of those whose are wrong or can't be told.

    Where a key is trusted, it and not what the seal says of it decides.
    """
    right: set[str] = set()
    wrong: set[str] = set()
    for keyid in (s.keyid for s in entry.envelope.signatures):
        key = next((k for k in trusted if k.keyid == keyid), None)
        (right if _holds(entry, keyid, key) else wrong).add(keyid)
    return right, wrong


def _holds(entry: ChainEntry, keyid: str, trusted: Key | None) -> bool:
    from securesystemslib.exceptions import UnverifiedSignatureError

    try:
        key = trusted or key_told(entry.keys[keyid])
        if key.keyid != keyid:
            return False
        envelope = _envelope(entry)
        key.verify_signature(envelope.signatures[keyid], envelope.pae())
    except (UnverifiedSignatureError, ValueError, KeyError, TypeError):
        return False
    return True


def _envelope(entry: ChainEntry) -> Envelope:
    """As the library holds it. Raises ValueError for what is none, or has a signer twice."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    told: dict[str, Any] = entry.envelope.model_dump(mode="json", by_alias=True, exclude_none=True)
    try:
        return Envelope.from_dict(told)
    except (FormatError, KeyError) as error:
        raise ValueError("not an envelope") from error


def _with_signature(envelope: Envelope, signer: Signer) -> ChainEntry:
    try:
        envelope.sign(signer)
    except (ValueError, OSError) as error:
        raise MalformedInput(
            "the key could not sign", next_step="check that it is there and unlocked"
        ) from error
    told = envelope.to_dict()
    made = DsseEnvelope(
        payload=told["payload"],
        signatures=tuple(EnvelopeSignature.model_validate(s) for s in told["signatures"]),
    )
    return ChainEntry(envelope=made, keys={signer.public_key.keyid: told_key(signer.public_key)})
