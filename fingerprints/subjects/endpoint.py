"""Opens an endpoint from its spec: checks address, options and key before anything is sent.

``openai:NAME,base_url=URL`` with the options concurrency, deadline, tokens, cost, price_in,
price_out and key_env. Knows the spec; how calls are made it doesn't know
(`fingerprints.subjects.remote`).
"""

from __future__ import annotations

import importlib.util
import ipaddress
import math
import urllib.parse
from collections.abc import Mapping

from fingerprints.errors import UnsafeInput, UsageProblem, missing_extra
from fingerprints.records import Identity
from fingerprints.subjects.base import Subject
from fingerprints.subjects.budget import Budget
from fingerprints.subjects.guard import key_from_environment, refuse_address
from fingerprints.subjects.kinds import SubjectSpec

DEFAULT_URL = "https://api.openai.com/v1"
DEFAULT_DEADLINE = 120.0
DEFAULT_CONCURRENCY = 4


def open_endpoint(spec: SubjectSpec) -> Subject:
    """The subject that ``openai:NAME,base_url=URL`` names; nothing is sent before it is asked.

    ``deadline`` is in seconds for one call in all, ``tokens`` and ``cost`` cap the run (a cost
    needs ``price_in`` and ``price_out`` per million tokens), the key is read from OPENAI_API_KEY or
    the variable that ``key_env`` names. Raises UsageProblem for an option that doesn't fit or the
    missing package, UnsafeInput for an address that holds a user, a password or a query, or that is
    link-local.
    """
    for package in ("openai", "httpx2"):
        if importlib.util.find_spec(package) is None:
            raise missing_extra(package, "openai", "asking an endpoint")
    from fingerprints.subjects.remote import EndpointSubject
    from fingerprints.subjects.transport import CallLimits, LimitedTransport

    base_url = checked_url(spec.options.get("base_url", DEFAULT_URL))
    secret = key_from_environment(spec.options.get("key_env"))
    if secret and secret.removed_from(str(spec)) != str(spec):
        said, step = "the spec holds the key itself", "export the key and take it out of the spec"
        raise UnsafeInput(said, where="openai:", next_step=step)
    concurrency = int(_number(spec.options, "concurrency", DEFAULT_CONCURRENCY, 1, 64, whole=True))
    deadline = _number(spec.options, "deadline", DEFAULT_DEADLINE, 0.1, 3600)
    secure = base_url.startswith("https:")
    transport = LimitedTransport(CallLimits(deadline=deadline), concurrency, secret, secure=secure)
    identity = Identity(kind="endpoint", name=spec.target, base_url=base_url, template="remote")
    return EndpointSubject(
        str(spec), identity, secret, transport, _budget(spec.options), concurrency
    )


def checked_url(text: str) -> str:
    """The address without a trailing slash, if calls may go there. Never repeats it in an error:
    it may hold a password."""
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _no_url("address") from error
    if parts.username is not None or parts.password is not None:
        said, step = (
            "base_url holds a user or a password",
            "export the key and name it with key_env=",
        )
        raise UnsafeInput(said, where="base_url=", next_step=step)
    if parts.query or parts.fragment or "?" in text or "#" in text:
        said = "base_url holds a query, which may hold a key"
        raise UnsafeInput(said, where="base_url=", next_step="take it out")
    odd = not host or port == 0 or not text.isprintable() or " " in text
    if odd or parts.scheme not in ("http", "https"):
        raise _no_url("http or https address")
    _refuse_literal(str(host))
    return parts._replace(scheme=parts.scheme.lower()).geturl().rstrip("/")


def _no_url(kind: str) -> UsageProblem:
    step = "write http://HOST:PORT/v1"
    return UsageProblem(f"base_url is no {kind}", where="base_url=", next_step=step)


def _refuse_literal(host: str) -> None:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return  # a name: looked at again when it is resolved
    refuse_address(host, "base_url=")


def _budget(options: Mapping[str, str]) -> Budget:
    tokens = None
    if "tokens" in options:
        tokens = int(_number(options, "tokens", 0, 1, 1e12, whole=True))
    if "cost" not in options:
        return Budget(tokens=tokens)
    if "price_in" not in options or "price_out" not in options:
        raise UsageProblem(
            "a cap on the cost needs both prices",
            where="cost=",
            next_step="add price_in= and price_out= per million tokens",
        )
    return Budget(
        tokens=tokens,
        cost=_number(options, "cost", 0, 0, 1e9),
        price_in=_number(options, "price_in", 0, 0, 1e6),
        price_out=_number(options, "price_out", 0, 0, 1e6),
    )


def _number(
    options: Mapping[str, str],
    name: str,
    default: float,
    low: float,
    high: float,
    whole: bool = False,
) -> float:
    text = options.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise UsageProblem(
            f"{name}= takes {kind} from {low:g} to {high:g}",
            where=f"{name}=",
            next_step="correct the spec",
        )
    return value
