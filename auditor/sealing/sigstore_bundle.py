"""A seal's statement signed with Sigstore: by a short-lived certificate of whom an identity
provider knows, in a public log.

The sigstore package does the work (extra ``sigstore``). Signing needs the network and an identity
token (SIGSTORE_ID_TOKEN, or what a continuous integration gives); checking needs neither.
"""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from typing import Any

from fingerprints.errors import Incomplete, UsageProblem, missing_extra, printable

TOKEN = "SIGSTORE_ID_TOKEN"  # noqa: S105  the name of a variable
PUBLIC = (
    "Sigstore's log is public and is never emptied: it holds who signed and the statement's digest"
)


@dataclass(frozen=True)
class SigstoreIdentity:
    """Who must have signed: the identity (an e-mail address, a workflow) and who vouches for it
    (the issuer's address)."""

    identity: str
    issuer: str


class BundleWrong(ValueError):
    """A Sigstore bundle that is none, of another statement, or by another identity."""


def need_sigstore() -> None:
    """Raises UsageProblem where the library of the extra ``sigstore`` is missing."""
    if importlib.util.find_spec("sigstore") is None:
        raise missing_extra("sigstore", "sigstore", "signing with Sigstore")


def sigstore_token() -> str:
    """The identity token of the environment. Raises UsageProblem where there is none."""
    need_sigstore()
    from sigstore.oidc import IdentityError, detect_credential

    given = os.environ.get(TOKEN)
    if given:
        return given
    try:
        found = detect_credential()
    except IdentityError:
        found = None
    if not found:
        raise UsageProblem(
            "no identity token for Sigstore", where="--sigstore", next_step=f"set {TOKEN}"
        )
    return found


def sigstore_signed(payload: bytes, token: str) -> dict[str, Any]:
    """The Sigstore bundle of a statement. Raises UsageProblem for a token that is none, Incomplete
    where the services can't be reached."""
    from requests import RequestException
    from sigstore.dsse import Statement
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken
    from sigstore.sign import SigningContext

    problem = ""
    try:
        identity = IdentityToken(token)
    except (IdentityError, ExpiredIdentity):
        identity = None
    if identity is None:  # raised out here: the library's errors may quote the token
        raise UsageProblem(
            "not an identity token, or one of the past", where=TOKEN, next_step="get a new one"
        )
    try:
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(identity) as signer:
            made = signer.sign_dsse(Statement(payload))
            told: dict[str, Any] = json.loads(made.to_json())
            return told
    except (Error, RequestException, OSError, ExpiredIdentity) as error:
        problem = type(error).__name__
    raise Incomplete(
        f"Sigstore did not sign ({problem})",
        where="--sigstore",
        next_step="try again where the network is open, or sign with --key",
    )


def check_bundle(held: dict[str, Any], payload: bytes, who: SigstoreIdentity | None) -> None:
    """Raises BundleWrong unless a bundle holds this statement, rightly signed (by ``who``, where
    that is given). Asks no network."""
    need_sigstore()
    from sigstore.errors import Error
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity, UnsafeNoOp

    policy = UnsafeNoOp() if who is None else Identity(identity=who.identity, issuer=who.issuer)
    try:
        bundle = Bundle.from_json(json.dumps(held))
        _, signed = Verifier.production(offline=True).verify_dsse(bundle, policy)
    except (Error, ValueError) as error:
        raise BundleWrong(printable(type(error).__name__, 80)) from error
    if signed != payload:
        raise BundleWrong("it is of another statement")
