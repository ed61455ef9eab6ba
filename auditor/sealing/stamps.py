"""RFC 3161 time stamps of a signature: asked of an authority, and read again offline.

rfc3161-client makes and checks them (extra ``timestamp``); the call is made with the limits of
every other call.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fingerprints.errors import Incomplete, MalformedInput, missing_extra, printable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

HEADERS = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
}
LARGEST_ANSWER = 1 << 20
SECONDS = 30.0


@dataclass(frozen=True)
class Stamp:
    """When a signature was there already, as an authority says; ``trusted``: one whose root
    certificate was given."""

    time: str
    trusted: bool


class StampWrong(ValueError):
    """A time stamp that is none of this signature, or not by a trusted authority."""


def ask_stamp(url: str, signature: bytes) -> str:
    """An authority's answer about a signature, in base64.

    Raises Incomplete where it can't be had, MalformedInput for an answer that is no stamp of it,
    UnsafeInput for an address that is refused.
    """
    need_stamps()
    from rfc3161_client import TimestampRequestBuilder
    from rfc3161_client.base import HashAlgorithm

    asked = (
        TimestampRequestBuilder()
        .data(signature)
        .hash_algorithm(HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .build()
    )
    answer = base64.b64encode(_post(url, asked.as_bytes())).decode()
    try:
        if _decoded(answer).tst_info.nonce != asked.nonce:
            raise StampWrong("an answer to another question")
        read_stamp(answer, signature)
    except StampWrong as error:
        raise MalformedInput(
            f"no time stamp of this signature: {error}",
            where=printable(url, 100),
            next_step="name another server, or leave --timestamp out",
        ) from error
    return answer


def _post(url: str, body: bytes) -> bytes:
    from fingerprints.subjects.endpoint import checked_url
    from fingerprints.subjects.guard import KeyHeader, Secret
    from fingerprints.subjects.transport import CallFailed, CallLimits, LimitedTransport

    address = checked_url(url)
    limits = CallLimits(deadline=SECONDS, body=LARGEST_ANSWER)
    secure = address.startswith("https:")
    transport = LimitedTransport(limits, 1, KeyHeader(Secret("")), secure=secure)
    try:
        return transport.post(address, body, HEADERS)
    except CallFailed as error:
        raise Incomplete(
            f"no time stamp: {printable(str(error), 120)}",
            where=printable(url, 100),
            next_step="try again, name another server, or leave --timestamp out",
        ) from error
    finally:
        transport.close()


def need_stamps() -> None:
    """Raises UsageProblem where the library of the extra ``timestamp`` is missing."""
    for package in ("rfc3161_client", "httpx2"):
        if importlib.util.find_spec(package) is None:
            raise missing_extra(package, "timestamp", "a time stamp")


def read_stamp(stamp: str, signature: bytes, authorities: Path | None = None) -> Stamp:
    """What a time stamp (base64) says of a signature.

    ``authorities`` is a file with root certificates (PEM); without it nobody's word is checked.
    Raises StampWrong, MalformedInput for a file without certificates.
    """
    need_stamps()
    from rfc3161_client.errors import VerificationError
    from rfc3161_client.verify import VerifierBuilder

    held = _decoded(stamp)
    if held.tst_info.message_imprint.message not in _hashes(signature):
        raise StampWrong("it is about something else")
    time = held.tst_info.gen_time.isoformat()
    if authorities is None:
        return Stamp(time, trusted=False)
    builder = VerifierBuilder()
    for root in _roots(authorities):
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(held, signature)
    except VerificationError as error:
        raise StampWrong(printable(str(error), 120)) from error
    return Stamp(time, trusted=True)


def _decoded(stamp: str) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        held = decode_timestamp_response(base64.b64decode(stamp, validate=True))
        if held.status not in (0, 1):
            raise StampWrong("the authority refused")
        held.tst_info  # noqa: B018  parsed only now
    except StampWrong:
        raise
    except ValueError as error:
        raise StampWrong("it can't be read") from error
    return held


def _hashes(signature: bytes) -> set[bytes]:
    return {hashlib.new(name, signature).digest() for name in ("sha256", "sha384", "sha512")}


def _roots(path: Path) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MalformedInput(
            "no certificates (PEM)", where=path, next_step="give the authority's root certificate"
        ) from error
