"""The columns of an API's log: the canonical names, and where a log's own names lead to them.

Names in a log are a stranger's: they reach SQL as quoted identifiers and quoted constants only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fingerprints.errors import UsageProblem, printable
from fingerprints.field_path import FieldPath

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
