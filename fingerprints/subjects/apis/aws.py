"""Signs calls to Amazon's services (signature version 4) with keys of the environment.

The signing is botocore's; its own reading of files and metadata services is not used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from fingerprints.errors import UsageProblem, missing_extra
from fingerprints.subjects.guard import Secret, Signer, sendable

BEARER = "AWS_BEARER_TOKEN_BEDROCK"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SESSION = "AWS_SESSION_TOKEN"
SIGNED = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")


class AwsSigner(Signer):
    """Signs every call anew. Raises UsageProblem where botocore is missing."""

    def __init__(self, access: str, secret: str, session: str, region: str) -> None:
        try:
            from botocore.auth import SigV4Auth
            from botocore.credentials import Credentials
        except ImportError as error:
            raise missing_extra("botocore", "bedrock", "signing a call with AWS keys") from error
        self.secret = Secret(secret, (access, session))
        self._auth = SigV4Auth(Credentials(access, secret, session or None), "bedrock", region)

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """Signature, date and session of one call."""
        from botocore.awsrequest import AWSRequest

        told = {"Content-Type": "application/json"}
        request = AWSRequest("POST", url, data=body, headers=told)
        self._auth.add_auth(request)
        return {name: request.headers[name] for name in SIGNED if name in request.headers}


def aws_keys(region: str) -> AwsSigner | None:
    """A signer with the keys of the environment; None where there are none. Raises UsageProblem
    for half a pair."""
    access, secret = (sendable(os.environ.get(name, "")) for name in KEYS)
    if not access and not secret:
        return None
    if not access or not secret:
        said = f"only one of {' and '.join(KEYS)} is set"
        raise UsageProblem(said, where="bedrock:", next_step="export both")
    return AwsSigner(access, secret, sendable(os.environ.get(SESSION, "")), region)
