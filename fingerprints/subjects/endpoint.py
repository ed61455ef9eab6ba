"""Opens an endpoint from its spec: checks address, options and key before anything is sent.

``openai:NAME,base_url=URL``, ``responses:NAME``, ``anthropic:NAME``, ``gemini:NAME``,
``azure:DEPLOYMENT,base_url=URL`` and ``bedrock:ID,region=REGION``, each with the options
concurrency, deadline, tokens, cost, price_in, price_out, key_env and thoughts. Knows specs; how
calls are made (`fingerprints.subjects.remote`) and worded (`fingerprints.subjects.apis`) it doesn't
know.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import urllib.parse
from collections.abc import Mapping

from fingerprints.errors import UnsafeInput, UsageProblem, missing_extra
from fingerprints.records import Identity
from fingerprints.subjects.apis.anthropic import AnthropicMessages
from fingerprints.subjects.apis.aws import BEARER, KEYS, aws_keys
from fingerprints.subjects.apis.base import Api
from fingerprints.subjects.apis.bedrock import Bedrock
from fingerprints.subjects.apis.chat import Azure, ChatCompletions
from fingerprints.subjects.apis.gemini import Gemini
from fingerprints.subjects.apis.responses import Responses
from fingerprints.subjects.base import Subject
from fingerprints.subjects.budget import Budget
from fingerprints.subjects.guard import (
    KeyHeader,
    Secret,
    Signer,
    first_set,
    key_from_environment,
    refuse_address,
)
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.spec import number_option

DEFAULT_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
DEFAULT_DEADLINE = 120.0
DEFAULT_CONCURRENCY = 4
MOST_THOUGHTS = 65536
OPENAI_KEY = "OPENAI_API_KEY"
AZURE_ENDPOINT = "AZURE_OPENAI_ENDPOINT"
CALLED = ("/completions", "/messages", "/responses", "/converse", ":generateContent")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def open_endpoint(spec: SubjectSpec) -> Subject:
    """The subject that ``openai:NAME,base_url=URL`` names; nothing is sent before it is asked.

    ``deadline`` is in seconds for one call in all, ``tokens`` and ``cost`` cap the run (a cost
    needs ``price_in`` and ``price_out`` per million tokens), the key is read from OPENAI_API_KEY or
    the variable that ``key_env`` names; ``thoughts`` are tokens that an answer may have more, for
    models whose cap counts thoughts. Raises UsageProblem for an option that doesn't fit or the
    missing package, UnsafeInput for an address that holds a user, a password or a query, or that is
    link-local.
    """
    base_url = spec.options.get("base_url", DEFAULT_URL)
    api = ChatCompletions(base_url, _thoughts(spec))
    return _opened(spec, api, base_url, KeyHeader(_key(spec, OPENAI_KEY)))


def open_responses(spec: SubjectSpec) -> Subject:
    """The subject that ``responses:NAME`` names, by OpenAI's Responses; as `open_endpoint`."""
    signer = KeyHeader(_key(spec, OPENAI_KEY))
    base_url = spec.options.get("base_url", DEFAULT_URL)
    return _opened(spec, Responses(_thoughts(spec)), base_url, signer)


def open_anthropic(spec: SubjectSpec) -> Subject:
    """The subject that ``anthropic:NAME`` names, by the Messages API; the key is read from
    ANTHROPIC_API_KEY; else as `open_endpoint`."""
    signer = KeyHeader(_needed(spec, "ANTHROPIC_API_KEY"), "x-api-key", "")
    base_url = spec.options.get("base_url", ANTHROPIC_URL).rstrip("/").removesuffix("/v1")
    return _opened(spec, AnthropicMessages(base_url, _thoughts(spec)), base_url, signer)


def open_gemini(spec: SubjectSpec) -> Subject:
    """The subject that ``gemini:NAME`` names, by generateContent; the key is read from
    GEMINI_API_KEY or GOOGLE_API_KEY; else as `open_endpoint`."""
    signer = KeyHeader(_needed(spec, "GEMINI_API_KEY", "GOOGLE_API_KEY"), "x-goog-api-key", "")
    return _opened(spec, Gemini(_thoughts(spec)), spec.options.get("base_url", GEMINI_URL), signer)


def open_azure(spec: SubjectSpec) -> Subject:
    """The subject that ``azure:DEPLOYMENT,base_url=https://NAME.openai.azure.com`` names.

    With ``api_version`` by the address that names deployment and version, else by the newer one
    below /openai/v1. The key is read from AZURE_OPENAI_API_KEY, the address, where the spec has
    none, from AZURE_OPENAI_ENDPOINT. Else as `open_endpoint`.
    """
    base_url = spec.options.get("base_url") or os.environ.get(AZURE_ENDPOINT)
    if not base_url:
        step = f"add base_url=https://NAME.openai.azure.com, or export {AZURE_ENDPOINT}"
        raise UsageProblem("the address of the resource is missing", where="azure:", next_step=step)
    root = base_url.rstrip("/").removesuffix("/openai/v1")
    signer = KeyHeader(_key(spec, "AZURE_OPENAI_API_KEY"), "api-key", "")
    api = Azure(spec.target, spec.options.get("api_version"), _thoughts(spec))
    return _opened(spec, api, root, signer)


def open_bedrock(spec: SubjectSpec) -> Subject:
    """The subject that ``bedrock:ID,region=REGION`` names, by Converse.

    Asked with the key in AWS_BEARER_TOKEN_BEDROCK (or the variable that ``key_env`` names), else
    signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, which needs the
    package botocore. The region may stand in AWS_REGION. Else as `open_endpoint`.
    """
    region = spec.options.get("region") or first_set("AWS_REGION", "AWS_DEFAULT_REGION")
    if not _REGION.fullmatch(region):
        step = "add region=us-east-1 or another one, or export AWS_REGION"
        raise UsageProblem("the spec names no region of AWS", where="region=", next_step=step)
    bearer = _key(spec, BEARER)
    signer: Signer | None = KeyHeader(bearer) if bearer else aws_keys(region)
    if signer is None:
        step = f"export {BEARER}, or {' and '.join(KEYS)}"
        raise UsageProblem("no key for Bedrock is set", where="bedrock:", next_step=step)
    host = f"https://bedrock-runtime.{region}.amazonaws.com"
    return _opened(spec, Bedrock(_thoughts(spec)), spec.options.get("base_url", host), signer)


def _opened(spec: SubjectSpec, api: Api, base_url: str, signer: Signer) -> Subject:
    if importlib.util.find_spec("httpx2") is None:
        raise missing_extra("httpx2", "openai", "asking an endpoint")
    from fingerprints.subjects.remote import Access, EndpointSubject
    from fingerprints.subjects.transport import CallLimits, LimitedTransport

    base_url = checked_url(base_url)
    if signer.secret.removed_from(str(spec)) != str(spec):
        said, step = "the spec holds the key itself", "export the key and take it out of the spec"
        raise UnsafeInput(said, where=f"{spec.scheme}:", next_step=step)
    concurrency = int(
        number_option(spec.options, "concurrency", DEFAULT_CONCURRENCY, 1, 64, whole=True)
    )
    deadline = number_option(spec.options, "deadline", DEFAULT_DEADLINE, 0.1, 3600)
    secure = base_url.startswith("https:")
    transport = LimitedTransport(CallLimits(deadline=deadline), concurrency, signer, secure=secure)
    told = {"base_url": base_url, "template": "remote", "backend": api.name}
    identity = Identity.model_validate({"kind": "endpoint", "name": spec.target, **told})
    access = Access(api, base_url, signer.secret, transport)
    return EndpointSubject(str(spec), identity, access, _budget(spec.options), concurrency)


def _key(spec: SubjectSpec, *usual: str) -> Secret:
    return key_from_environment(spec.options.get("key_env"), *usual)


def _needed(spec: SubjectSpec, *usual: str) -> Secret:
    """The key, which may be missing only where another address than the service's own is asked."""
    secret = _key(spec, *usual)
    if not secret and "base_url" not in spec.options:
        step = f"export {usual[0]}, or name another variable by key_env="
        raise UsageProblem("no key is set", where=f"{spec.scheme}:", next_step=step)
    return secret


def _thoughts(spec: SubjectSpec) -> int:
    return int(number_option(spec.options, "thoughts", 0, 0, MOST_THOUGHTS, whole=True))


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
    if not text.isascii():
        step = "write its host in the form that begins with xn--"
        raise UsageProblem("base_url is not plain ASCII", where="base_url=", next_step=step)
    found = parts._replace(scheme=parts.scheme.lower()).geturl().rstrip("/")
    if found.endswith(CALLED):
        step = "take the last part off, for instance http://HOST:PORT/v1"
        raise UsageProblem("base_url names one call", where="base_url=", next_step=step)
    return found


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
        tokens = int(number_option(options, "tokens", 0, 1, 1e12, whole=True))
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
        cost=number_option(options, "cost", 0, 0, 1e9),
        price_in=number_option(options, "price_in", 0, 0, 1e6),
        price_out=number_option(options, "price_out", 0, 0, 1e6),
    )
