"""Which tensors stand in one layer where their names are nobody's: by numbers in the names that
count layers.

Knows names as text with numbers in it, and reads no meaning into them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"([0-9]{1,9})")
_FEWEST = 2
"""Layers, or experts of a layer, that make a series."""
MOST_NUMBERS = 8
"""Numbers of a name that are looked at: a stranger's name may hold thousands."""
Series = dict[tuple[int, str], dict[int, str]]


@dataclass(frozen=True)
class NumberedNames:
    """Names by layer: ``layers[i]`` has the names of one layer by what they are but for its number,
    the same keys in every layer. ``outside``: names of no layer."""

    layers: tuple[Mapping[str, str], ...]
    outside: tuple[str, ...]


def by_layer(names: Sequence[str], told: int = 0) -> NumberedNames | None:
    """Names sorted into layers by the number that counts most of them from 0 or 1 on without a gap;
    None where there is none. ``told``: how many layers a config tells, which goes before where
    names bear it out. Deterministic."""
    series = _series(names)
    votes = Counter[int]()
    for length, counted in _lengths(series).items():
        votes[length] = len(counted)
    if not votes:
        return None
    most = max(votes, key=lambda n: (votes[n], n))
    count = told if told in votes and 2 * votes[told] > votes[most] else most
    layers: list[dict[str, str]] = [{} for _ in range(count)]
    placed = set[str]()
    for (_, key), found in sorted(series.items()):
        # The leftmost number counts where several would do: experts stand within layers.
        fresh = len(found) == count and not placed & set(found.values())
        if fresh and _counts(found):
            for layer, (_, name) in zip(layers, sorted(found.items()), strict=True):
                layer[key] = name
            placed |= set(found.values())
    return NumberedNames(tuple(layers), tuple(n for n in names if n not in placed))


def by_expert(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Keys of one layer that differ in one number alone, which counts from 0 or 1 on, together; a
    key that has no such fellows stands alone."""
    listed = list(keys)
    out, placed = dict[str, tuple[str, ...]](), set[str]()
    for (_, key), found in sorted(_series(listed).items()):
        if _counts(found) and not placed & set(found.values()):
            out[key] = tuple(name for _, name in sorted(found.items()))
            placed |= set(found.values())
    return {**out, **{k: (k,) for k in listed if k not in placed}}


def _series(names: Iterable[str]) -> Series:
    """Names that differ in one number alone: by its place and the rest of the name."""
    out: Series = {}
    for name in names:
        pieces = _NUMBER.split(name)
        for at in range(1, min(len(pieces), 2 * MOST_NUMBERS), 2):
            rest = "".join((*pieces[:at], "\0", *pieces[at + 1 :]))
            out.setdefault((at, rest), {}).setdefault(int(pieces[at]), name)
    return out


def _counts(found: Mapping[int, str]) -> bool:
    """Whether numbers count from 0 or 1 on without a gap."""
    first = min(found)
    return len(found) >= _FEWEST and first in (0, 1) and max(found) - first == len(found) - 1


def _lengths(series: Series) -> dict[int, set[str]]:
    out = dict[int, set[str]]()
    for found in series.values():
        if _counts(found):
            out.setdefault(len(found), set()).update(found.values())
    return out
