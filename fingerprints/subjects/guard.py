"""What must not get out through an endpoint: its keys, which are read from the environment, shown
to nobody and taken out of whatever a server echoes; and calls to addresses inside a cloud.

Knows secrets' spellings, how a call shows them, and addresses; sends, resolves and connects to
nothing.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fingerprints.errors import UnsafeInput, UsageProblem

REMOVED = "[key removed]"
SHORTEST = 8
METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"})
"""Metadata services of clouds that are not link-local."""


class Secret:
    """A key that prints as stars and takes itself out of texts.

    It finds itself as it is, url-encoded, and in base64 at any alignment. Keys under eight
    characters are placeholders such as ``EMPTY`` and are not removed: they would take ordinary
    words out of a model's answers. ``besides`` are further values that are secret with it.
    """

    def __init__(self, value: str, besides: Sequence[str] = ()) -> None:
        self._value = value
        found = {spelling for secret in (value, *besides) for spelling in _spellings(secret)}
        # The longest first: a shorter spelling may be a part of it, and would leave the rest.
        self._spellings = sorted(found, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """The key itself, for the one place that sends it."""
        return self._value

    def removed_from(self, text: str) -> str:
        """The text without any spelling of the key."""
        for spelling in self._spellings:
            text = text.replace(spelling, REMOVED)
        return text


class Signer(ABC):
    """Shows a service who asks: ``secret`` is all that must not get out with it."""

    secret: Secret

    @abstractmethod
    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """The headers that identify the caller of this one call; none without a key."""


@dataclass(frozen=True)
class KeyHeader(Signer):
    """A key that stands in a header as it is, after a word or alone."""

    secret: Secret
    name: str = "Authorization"
    before: str = "Bearer "

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """The header with the key, none without one."""
        return {self.name: f"{self.before}{self.secret.reveal()}"} if self.secret else {}


def _spellings(value: str) -> set[str]:
    if len(value) < SHORTEST:
        return set()
    quoted = {urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)}
    return {form for form in {value, *quoted, *_base64(value)} if len(form) >= SHORTEST}


def _base64(value: str) -> set[str]:
    """The key's base64 forms, ordinary and url-safe; where other bytes stand before it, the part
    that is always the same."""
    raw, out = value.encode("utf-8"), set[str]()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        out |= {whole, whole.rstrip("=")}
        for before in range(3):
            inner = encode(b"\0" * before + raw).decode().rstrip("=")
            out.add(inner[(0, 2, 3)[before] : len(inner) - 1])
    return {form for form in out if len(form) >= SHORTEST}


def key_from_environment(name: str | None, *usual: str) -> Secret:
    """The key in the environment variable ``name``, else in the first of the ``usual`` ones that is
    set; an empty secret where none is.

    Raises UsageProblem when a named variable is not set, or the key can't be sent in a header.
    Never repeats the name, in case that somebody put the key itself there.
    """
    value = os.environ.get(name) if name is not None else first_set(*usual)
    if name is not None and not value:
        raise UsageProblem(
            "the environment variable that key_env= names is not set",
            where="key_env=",
            next_step="export it, and write its name, never the key itself",
        )
    return Secret(sendable(value or ""))


def first_set(*names: str) -> str:
    """What the first of these variables that is set holds, else nothing."""
    return next((value for name in names if (value := os.environ.get(name))), "")


def sendable(value: str) -> str:
    """A key without blanks around it. Raises UsageProblem, which never repeats it, for one that
    can't stand in a header."""
    value = value.strip()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise UsageProblem(
            "the key in the environment is not plain ASCII",
            where="key_env=",
            next_step="export it again",
        )
    return value


def refuse_address(address: str, where: str, given: str = "base_url") -> None:
    """Raises UnsafeInput for a link-local address or a metadata service: nobody who is meant is
    there. ``given`` is what to look at again."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in METADATA:
        raise UnsafeInput(
            "the address is link-local or a cloud metadata service, which nothing is sent to",
            where=where,
            next_step=f"check {given}",
        )
