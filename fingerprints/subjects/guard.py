"""The endpoint's key: read from the environment, shown to nobody, taken out of whatever a server
echoes.

Knows one secret's spellings; knows nothing of where it is sent.
"""

from __future__ import annotations

import base64
import os
import urllib.parse

from fingerprints.errors import UsageProblem

REMOVED = "[key removed]"
SHORTEST = 8


class Secret:
    """A key that prints as stars and takes itself out of texts.

    It finds itself as it is, url-encoded, and in base64 at any alignment. Keys under eight
    characters are placeholders such as ``EMPTY`` and are not removed: they would take ordinary
    words out of a model's answers.
    """

    def __init__(self, value: str) -> None:
        self._value = value
        spellings = {
            value,
            urllib.parse.quote(value, safe=""),
            urllib.parse.quote_plus(value),
            *_base64(value),
        }
        self._spellings = (
            sorted((s for s in spellings if len(s) >= SHORTEST), key=len, reverse=True)
            if value
            else []
        )
        if len(value) < SHORTEST:
            self._spellings = []

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


def key_from_environment(name: str | None) -> Secret:
    """The key in the environment variable ``name``, by default OPENAI_API_KEY; an empty secret
    where that one is not set.

    Raises UsageProblem when a named variable is not set, or the key can't be sent in a header.
    Never repeats the name, in case that somebody put the key itself there.
    """
    value = os.environ.get(name or "OPENAI_API_KEY")
    if name is not None and not value:
        raise UsageProblem(
            "the environment variable that key_env= names is not set",
            where="key_env=",
            next_step="export it, and write its name, never the key itself",
        )
    value = (value or "").strip()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise UsageProblem(
            "the key in the environment is not plain ASCII",
            where="key_env=",
            next_step="export it again",
        )
    return Secret(value)
