"""Where a value stands in a stranger's row: a path of keys and items, and what it leads to.

A path names a key, keys below it (``request.model``), an item (``choices[0]``) and, behind ``|``, a
way into JSON that stands in a text (``request_body|messages``). A path that begins with ``/`` is a
JSON pointer, for keys with dots in them. Knows rows; knows nothing of what they mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fingerprints.errors import UsageProblem, printable

_STEP = re.compile(r"([^.\[\]|]+)|\[([0-9]{1,6})\]")


@dataclass(frozen=True)
class FieldPath:
    """Where a value stands in a row: ``key`` at the top, then one JSON pointer a text that must be
    parsed again; ``text`` is how it was written."""

    key: str
    pointers: tuple[str, ...]
    text: str

    @property
    def plain(self) -> bool:
        """Whether the value stands at the top itself."""
        return not any(self.pointers)

    @cached_property
    def steps(self) -> tuple[tuple[str, ...], ...]:
        """The keys and items of each pointer."""
        return tuple(tuple(map(_plain, p.split("/")[1:])) for p in self.pointers)

    @classmethod
    def parse(cls, text: str) -> FieldPath:
        """The path of a text. Raises UsageProblem for one that names nothing."""
        parts = [_pointer(part) for part in text.split("|")]
        if not text or not all(parts) or not parts[0][0]:
            raise UsageProblem(
                f"a column is mapped to no path: {printable(text, 60)!r}",
                where="--map",
                next_step="write it as account=user_id or prompt=request.messages",
            )
        key, *below = parts[0]
        pointers = (_joined(below), *(_joined(part) for part in parts[1:]))
        return cls(key, pointers, text)


def _pointer(part: str) -> list[str]:
    if part.startswith("/"):
        return [_plain(s) for s in part[1:].split("/")]
    found = _STEP.findall(part)
    whole = "".join(f".{name}" if name else f"[{item}]" for name, item in found)
    return [name or item for name, item in found] if whole.lstrip(".") == part else []


def _plain(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _joined(steps: Iterable[str]) -> str:
    return "".join(f"/{s.replace('~', '~0').replace('/', '~1')}" for s in steps)


def value_at(row: Mapping[str, Any], path: FieldPath) -> Any:
    """What a path leads to in a row; None where it leads nowhere."""
    value: Any = row.get(path.key)
    for i, steps in enumerate(path.steps):
        if i or steps:
            value = parsed_text(value)
        for step in steps:
            value = _below(value, step)
    return value


def parsed_text(value: Any) -> Any:
    """A value, or what a text of JSON holds; None for a text that holds none."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # of the second kind are depths that DuckDB still reads
        return None


def _below(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None
