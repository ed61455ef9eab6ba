"""Does a configuration file hold a secret? Such files are committed, and shared by whole teams:
keys come from the environment only.

Knows how keys are named and how the usual ones begin; never repeats what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fingerprints.errors import UnsafeInput, printable

NAMED = re.compile(r"(^|[_-])(api[_-]?key|key|secret|password|passwd|token|authorization)$", re.I)
"""Keys of the file that name a secret; `tokens` and `tokenizer-only` do not."""
LOOKS = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:sk-|hf_|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AKIA|AIza|Bearer )"
    r"[A-Za-z0-9_\-]{12}"
)
"""How the keys of the services that are asked begin, and then twelve characters of one."""
IN_URL = re.compile(r"://[^/@\s]{1,200}:[^/@\s]{1,200}@")
"""A name and a password in an address."""


def refuse_secrets(tables: dict[str, Any] | Any, path: Path) -> None:
    """Raises UnsafeInput where any key or text of the file looks like a secret; the message names
    the key that holds it and nothing of it."""
    for place, value in _texts(tables, ()):
        named = NAMED.search(place[-1]) is not None
        if named or LOOKS.search(value) or IN_URL.search(value):
            raise UnsafeInput(
                f"{printable('.'.join(place), 80)!r} looks like a secret, and configuration files"
                " hold none",
                where=path,
                next_step="take it out, and give keys in the environment (OPENAI_API_KEY=…)",
            )


def _texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text below a value with the keys that lead to it."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(below, (*place, key))
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below, place)
    elif isinstance(value, str):
        yield place, value
