"""Whether the name under which a service answers is the one that it was asked by.

Knows how names are written; knows no model and no maker.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_NAME = 200
MOST_TAILS = 4
_SEPARATORS = re.compile(r"[\s._:@-]+")
_TAIL = re.compile(
    r"-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[0-9]{2}|[0-9]{3,8}|latest|preview|exp)$"
)
"""What a service adds to a name for a day or a build, and for no other model."""
_FILE_ENDINGS = (".gguf", ".safetensors")


class _Named(NamedTuple):
    """A name without path and dates, and the dates."""

    stem: str
    dates: tuple[str, ...]


def other_model(asked: str, served: str) -> bool:
    """Whether a service answers under a name that isn't the one it was asked by.

    The same are a dated form of a name without a date, a path or an organisation before it, and
    other letter case or punctuation. Linear in the names' lengths.

    >>> other_model("gpt-4o", "gpt-4o-2024-08-06"), other_model("org/lamb-1", "Lamb-1")
    (False, False)
    >>> other_model("lamb-1", "wolf-2"), other_model("gpt-4-0314", "gpt-4-0613")
    (True, True)
    """
    ours, theirs = _named(asked), _named(served)
    dated = bool(ours.dates and theirs.dates) and ours.dates != theirs.dates
    return ours.stem != theirs.stem or dated


def _named(name: str) -> _Named:
    last = name[-LONGEST_NAME:].replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
    for ending in _FILE_ENDINGS:
        last = last.removesuffix(ending)
    stem, tails = _SEPARATORS.sub("-", last), list[str]()
    while len(tails) < MOST_TAILS and (found := _TAIL.search(stem)):
        stem, tails = stem[: found.start()], [found.group(), *tails]
    return _Named(stem, tuple(tail for tail in tails if tail[1].isdigit()))
