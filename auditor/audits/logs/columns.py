"""The columns of an API's log: the canonical names, and where a log's own names lead to them.

A path names a key, keys below it (``request.model``), an item (``choices[0]``) and, behind ``|``, a
way into JSON that stands in a text (``request_body|messages``). A path that begins with ``/`` is a
JSON pointer, for keys with dots in them. Names in a log are a stranger's: they reach SQL as quoted
identifiers and quoted constants only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fingerprints.errors import UsageProblem, printable

CANONICAL = (
    "time",
    "account",
    "prompt",
    "answer",
    "system",
    "model",
    "tokens_in",
    "tokens_out",
    "max_tokens",
    "finish",
    "temperature",
    "top_p",
    "network",
    "client",
    "key_prefix",
    "payment",
    "request_id",
    "status",
)
"""One row of a log; the first three are needed, each of the others switches signals on."""
NEEDED = CANONICAL[:3]
MOST_NAMED = 24
"""Keys of a log that one line about a wrong map names at most."""
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
        return [s.replace("~1", "/").replace("~0", "~") for s in part[1:].split("/")]
    found = _STEP.findall(part)
    whole = "".join(f".{name}" if name else f"[{item}]" for name, item in found)
    return [name or item for name, item in found] if whole.lstrip(".") == part else []


def _joined(steps: Iterable[str]) -> str:
    return "".join(f"/{s.replace('~', '~0').replace('/', '~1')}" for s in steps)


@dataclass(frozen=True)
class ColumnMap:
    """Where each canonical column stands in a log; ``preset`` is the gateway that it is known
    from, where it is from one."""

    paths: Mapping[str, FieldPath]
    preset: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Needed columns that lead nowhere."""
        return tuple(name for name in NEEDED if name not in self.paths)

    def having(self, more: Mapping[str, FieldPath]) -> ColumnMap:
        """This map with some columns led elsewhere."""
        return ColumnMap({**self.paths, **more}, self.preset)


def parse_map(text: str) -> dict[str, FieldPath]:
    """The columns of ``account=user_id,prompt=request.messages``. Raises UsageProblem for a column
    that nobody knows, one that is given twice, or a path that names nothing."""
    out: dict[str, FieldPath] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, path = item.partition("=")
        if not equals or name not in CANONICAL or name in out:
            raise UsageProblem(
                f"no column, or one given twice: {printable(item, 60)!r}",
                where="--map",
                next_step=f"the columns are {', '.join(CANONICAL)}",
            )
        out[name] = FieldPath.parse(path)
    return out


def named(keys: Iterable[str]) -> str:
    """The keys of a log in one line, strangers' words made safe."""
    told = [printable(key, 40) for key in keys]
    rest = len(told) - MOST_NAMED
    return ", ".join(told[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
