"""How coarsely a model's numbers were rounded, and how far such rounding moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from detectors.lineage.derivation import Grid

NEAR = {8: 0.012, 6: 0.035, 5: 0.06, 4: 0.14, 3: 0.25, 2: 0.45}
"""Up to this relative difference a model rounded to so many bits is a rounded copy and no more: one
and a half times what plain rounding in blocks of 32 leaves of numbers that are spread normally."""
WHOLE_ROWS = 1.6
"""How many times as much rounding leaves where a whole row shares a step: the largest of a thousand
numbers that are spread normally is so many times that of 32."""
LEAST = 0.3
"""Rounding leaves no less than this share of what it may leave (0.39 to 0.66 of numbers that are
spread normally): what is nearer to a rounded base did not come to it by that rounding."""
BITS = {f"Q{n}": n for n in NEAR} | {f"IQ{n}": n for n in (4, 3, 2)} | {"MXFP4": 4}
"""Bits of a number by how the names of formats begin."""


@dataclass(frozen=True)
class Coarseness:
    """Bits of a number, and the largest relative difference that rounding to them leaves."""

    bits: int
    near: float


def coarseness(
    quantisation: Mapping[str, float], other: Mapping[str, float], grids: Sequence[Grid | None]
) -> Coarseness | None:
    """How coarse numbers are, by their format (shares of each by name) or by the grids that sampled
    matrices lie on; None where they are not, or where the ``other`` model has the same format,
    which then explains no difference."""
    named = next(
        (
            (name, BITS[key])
            for name in quantisation
            for key in BITS
            if name.startswith(key) and quantisation[name] >= 0.5
        ),
        None,
    )
    if named is not None:
        name, bits = named
        return None if other.get(name, 0.0) >= 0.5 else Coarseness(bits, NEAR[bits])
    known = [g for g in grids if g is not None]
    if len(known) * 2 <= len(grids):
        return None
    bits = min(g.bits for g in known)
    whole = 2 * sum(g.block == 0 for g in known) > len(known)
    return Coarseness(bits, NEAR[bits] * (WHOLE_ROWS if whole else 1.0))


def rounded_base(distance: float, mine: Coarseness | None, theirs: Coarseness | None) -> bool:
    """Whether a relative difference is what the base's own rounding, with the suspect's, leaves."""
    if theirs is None:
        return False
    most = theirs.near if mine is None else hypot(mine.near, theirs.near)
    return LEAST * theirs.near <= distance <= most
